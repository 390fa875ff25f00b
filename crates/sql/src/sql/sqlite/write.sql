INSERT INTO {table}
    (subject, version, failures, charged, touched, expires_at, locked_until, state)
SELECT
    value ->> 'subject', value ->> 'version', value ->> 'failures', value ->> 'charged',
    value ->> 'touched', value ->> 'expires_at', value ->> 'locked_until', value ->> 'state'
FROM json_each(?)
-- Everybody takes the rows in one order.
WHERE true
ORDER BY 1
ON CONFLICT (subject) DO UPDATE SET
    -- No version, which fails all of the statement, unless the row is still the one that was read.
    version = CASE
        WHEN abs({table}.version) % 8388606 + 1 = excluded.version THEN excluded.version
    END,
    failures = excluded.failures,
    charged = excluded.charged,
    touched = excluded.touched,
    expires_at = excluded.expires_at,
    locked_until = excluded.locked_until,
    state = excluded.state
