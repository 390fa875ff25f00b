SELECT entry, value, until FROM {lists} WHERE list = $1 AND entry = $2
