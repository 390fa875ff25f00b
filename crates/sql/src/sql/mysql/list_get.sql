SELECT CONVERT(entry USING utf8mb4), value, until FROM {lists} WHERE list = ? AND entry = ?
