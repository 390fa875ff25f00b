DELETE FROM {lists} WHERE until <= ? ORDER BY until LIMIT ?
