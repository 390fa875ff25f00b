SELECT
    kept.subject, kept.version, kept.failures, kept.charged, kept.touched, kept.expires_at,
    kept.locked_until, kept.state
FROM JSON_TABLE(
    ?,
    '$[*]' COLUMNS (subject VARCHAR(600) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$')
) AS asked
STRAIGHT_JOIN {table} AS kept ON kept.subject = asked.subject
