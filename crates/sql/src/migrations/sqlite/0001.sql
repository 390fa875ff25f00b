CREATE TABLE {table} (
    subject TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    charged INTEGER NOT NULL,
    touched INTEGER NOT NULL,
    expires_at INTEGER,
    locked_until INTEGER,
    state TEXT
) WITHOUT ROWID;
CREATE INDEX "{name}_by_end" ON {table} (locked_until, subject) WHERE locked_until IS NOT NULL;
CREATE VIEW {locked} AS
SELECT
    subject,
    datetime((state ->> 'locked_since') / 1000, 'unixepoch') AS locked_since,
    CASE
        WHEN locked_until = 9223372036854775807 THEN NULL
        ELSE datetime(locked_until / 1000, 'unixepoch')
    END AS locked_until,
    coalesce(state ->> 'locked_by', 'rule') AS locked_by,
    failures
FROM {table}
WHERE locked_until > CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
    AND coalesce(state ->> 'lapses', 0) <= CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER);
CREATE TABLE {attempts} (
    -- Never that of a row which is deleted. It is the end of each index too.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    ip TEXT,
    username TEXT,
    user_agent TEXT,
    accept TEXT,
    path TEXT
);
CREATE INDEX "{name}_by_time" ON {attempts} (at);
CREATE INDEX "{name}_by_username" ON {attempts} (username, at);
CREATE INDEX "{name}_by_ip" ON {attempts} (ip, at);
CREATE INDEX "{name}_by_outcome" ON {attempts} (outcome, at);
