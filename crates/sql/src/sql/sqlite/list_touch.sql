UPDATE {lists} SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE list = ? AND entry = ''
