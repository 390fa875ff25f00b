INSERT INTO {table}
    (subject, version, failures, charged, touched, expires_at, locked_until, state)
SELECT
    changed.subject, changed.version, changed.failures, changed.charged, changed.touched,
    changed.expires_at, changed.locked_until, changed.state
FROM JSON_TABLE(
    ?,
    '$[*]' COLUMNS (
        subject VARCHAR(600) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.subject',
        version INT PATH '$.version',
        failures INT PATH '$.failures',
        charged BIGINT PATH '$.charged',
        touched BIGINT PATH '$.touched',
        expires_at BIGINT PATH '$.expires_at',
        locked_until BIGINT PATH '$.locked_until',
        state TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.state'
    )
) AS changed
-- Everybody takes the rows in one order: no deadlock.
ORDER BY changed.subject
ON DUPLICATE KEY UPDATE
    -- No version, which fails all of the statement, unless the row is still the one that was read.
    version = CASE
        WHEN ABS({table}.version) % 8388606 + 1 = VALUES(version) THEN VALUES(version)
    END,
    failures = VALUES(failures),
    charged = VALUES(charged),
    touched = VALUES(touched),
    expires_at = VALUES(expires_at),
    locked_until = VALUES(locked_until),
    state = VALUES(state)
