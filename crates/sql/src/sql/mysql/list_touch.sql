UPDATE {lists} SET value = CAST(value AS UNSIGNED) + 1 WHERE list = ? AND entry = ''
