CREATE TABLE {table} (
    charged bigint NOT NULL,
    touched bigint NOT NULL,
    expires_at bigint,
    locked_until bigint,
    version integer NOT NULL,
    failures integer NOT NULL,
    subject text COLLATE "C" NOT NULL PRIMARY KEY,
    state text
);
CREATE INDEX "{name}_by_end" ON {table} (locked_until, subject) WHERE locked_until IS NOT NULL;
CREATE VIEW {locked} AS
SELECT
    subject,
    to_timestamp((state::json ->> 'locked_since')::bigint / 1000.0) AS locked_since,
    CASE
        WHEN locked_until = 9223372036854775807 THEN 'infinity'
        ELSE to_timestamp(locked_until / 1000.0)
    END AS locked_until,
    coalesce(state::json ->> 'locked_by', 'rule') AS locked_by,
    failures
FROM {table}
WHERE locked_until > extract(epoch FROM now()) * 1000
    AND coalesce((state::json ->> 'lapses')::bigint, 0) <= extract(epoch FROM now()) * 1000;
