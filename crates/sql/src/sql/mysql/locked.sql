SELECT subject, version, failures, charged, touched, expires_at, locked_until, state
FROM {table} FORCE INDEX (by_end)
WHERE locked_until >= ? AND (locked_until > ? OR subject > ?)
ORDER BY locked_until, subject
LIMIT ?
