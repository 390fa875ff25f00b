INSERT INTO {table}
    (subject, version, failures, charged, touched, expires_at, locked_until, state)
VALUES {rows}
ON DUPLICATE KEY UPDATE
    -- No version, which fails all of the statement, unless the row is still the one that was read.
    version = CASE
        WHEN ABS(version) % 8388606 + 1 = VALUES(version) THEN VALUES(version)
    END,
    failures = VALUES(failures),
    charged = VALUES(charged),
    touched = VALUES(touched),
    expires_at = VALUES(expires_at),
    locked_until = VALUES(locked_until),
    state = VALUES(state)
