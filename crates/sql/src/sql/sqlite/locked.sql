SELECT subject, version, failures, charged, touched, expires_at, locked_until, state
FROM {table}
WHERE locked_until >= ?1 AND (locked_until > ?2 OR subject > ?3)
ORDER BY locked_until, subject
LIMIT ?4
