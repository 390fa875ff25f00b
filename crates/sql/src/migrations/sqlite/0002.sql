CREATE TABLE {lists} (
    list TEXT NOT NULL,
    -- Empty in the row whose value is the list's version.
    entry TEXT NOT NULL,
    value TEXT NOT NULL,
    until INTEGER,
    PRIMARY KEY (list, entry)
) WITHOUT ROWID;
CREATE INDEX "{name}_lists_by_end" ON {lists} (until) WHERE until IS NOT NULL;
