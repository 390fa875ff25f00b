SELECT subject, version::bigint, failures::bigint, charged, touched, expires_at, locked_until, state
FROM {table}
-- The index has no nulls: the second comparison says that none is wanted.
WHERE (locked_until, subject) > ($1, $2) AND locked_until >= $3
ORDER BY locked_until, subject
LIMIT $4
