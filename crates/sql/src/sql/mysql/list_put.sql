INSERT INTO {lists} (list, entry, value, until)
-- The version comes first, so that whoever changes the list waits there for the others.
VALUES (?, '', ?, NULL), (?, ?, ?, ?)
ON DUPLICATE KEY UPDATE
    value = CASE
        WHEN entry = '' THEN CAST(value AS UNSIGNED) + 1
        ELSE VALUES(value)
    END,
    until = VALUES(until)
