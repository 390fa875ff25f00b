SELECT subject, version, failures, charged, touched, expires_at, locked_until, state
FROM {table}
WHERE subject IN ({keys})
