CREATE TABLE {lists} (
    until bigint,
    list text COLLATE "C" NOT NULL,
    -- Empty in the row whose value is the list's version.
    entry text COLLATE "C" NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (list, entry)
);
CREATE INDEX "{name}_lists_by_end" ON {lists} (until) WHERE until IS NOT NULL;
