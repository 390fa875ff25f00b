INSERT INTO {attempts} (at, outcome, ip, username, user_agent, accept, path)
SELECT
    appended.at, appended.outcome, appended.ip, appended.username, appended.user_agent,
    appended.accept, appended.path
FROM JSON_TABLE(
    ?,
    '$[*]' COLUMNS (
        place FOR ORDINALITY,
        at BIGINT PATH '$.at' ERROR ON ERROR,
        outcome VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.outcome' ERROR ON ERROR,
        ip VARCHAR(45) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.ip' ERROR ON ERROR,
        username VARCHAR(510) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.username' ERROR ON ERROR,
        user_agent VARCHAR(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.user_agent' ERROR ON ERROR,
        accept VARCHAR(510) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.accept' ERROR ON ERROR,
        path VARCHAR(510) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.path' ERROR ON ERROR
    )
) AS appended
-- The numbers are given in this order.
ORDER BY appended.place
