INSERT INTO {lists} AS kept (list, entry, value, until)
VALUES (?, '', ?, NULL), (?, ?, ?, ?)
ON CONFLICT (list, entry) DO UPDATE SET
    value = CASE
        WHEN kept.entry = '' THEN CAST(CAST(kept.value AS INTEGER) + 1 AS TEXT)
        ELSE excluded.value
    END,
    until = excluded.until
