SELECT subject, version, failures, charged, touched, expires_at, locked_until, state
FROM {table} FORCE INDEX (by_end)
-- A comparison of pairs would not go by the index.
WHERE (locked_until = ? AND subject > ?) OR locked_until > ?
ORDER BY locked_until, subject
LIMIT ?
