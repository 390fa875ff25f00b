SELECT subject, version::bigint, failures::bigint, charged, touched, expires_at, locked_until, state
FROM {table}
WHERE subject IN ({keys})
