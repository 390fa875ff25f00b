INSERT INTO {table} AS kept
    (subject, version, failures, charged, touched, expires_at, locked_until, state)
VALUES {rows}
ON CONFLICT (subject) DO UPDATE SET
    -- No version, which fails all of the statement, unless the row is still the one that was read.
    version = CASE
        WHEN abs(kept.version) % 8388606 + 1 = excluded.version THEN excluded.version
    END,
    failures = excluded.failures,
    charged = excluded.charged,
    touched = excluded.touched,
    expires_at = excluded.expires_at,
    locked_until = excluded.locked_until,
    state = excluded.state
