INSERT INTO {table} AS kept
    (subject, version, failures, charged, touched, expires_at, locked_until, state)
SELECT
    changed.subject, changed.version, changed.failures, changed.charged, changed.touched,
    changed.expires_at, changed.locked_until, changed.state
FROM (SELECT {settings}) AS settings, json_to_recordset($1::json) AS changed (
    subject text, version integer, failures integer, charged bigint, touched bigint,
    expires_at bigint, locked_until bigint, state text
)
-- Everybody takes the rows in one order: no deadlock.
ORDER BY changed.subject COLLATE "C"
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
