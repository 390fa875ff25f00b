INSERT INTO {lists} AS kept (list, entry, value, until)
SELECT changed.*
FROM (SELECT {settings}) AS settings,
    -- The version comes first, so that whoever changes the list waits there for the others.
    (VALUES ($1, '', $2, NULL), ($3, $4, $5, $6)) AS changed
ON CONFLICT (list, entry) DO UPDATE SET
    value = CASE
        WHEN kept.entry = '' THEN (kept.value::bigint + 1)::text
        ELSE excluded.value
    END,
    until = excluded.until
