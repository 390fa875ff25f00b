SELECT entry, value, until FROM {lists} WHERE list = ? AND entry = ?
