DELETE FROM {table}
WHERE subject IN (SELECT value FROM json_each(?)) AND expires_at <= ?
