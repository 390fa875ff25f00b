DELETE FROM {lists} WHERE list = ? AND entry = ?
