DELETE kept
FROM JSON_TABLE(
    ?,
    '$[*]' COLUMNS (subject VARCHAR(600) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$')
) AS asked
STRAIGHT_JOIN {table} AS kept ON kept.subject = asked.subject
WHERE kept.expires_at <= ?
