DELETE FROM {attempts} WHERE at < ? ORDER BY at, id LIMIT ?
