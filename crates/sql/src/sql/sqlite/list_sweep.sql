DELETE FROM {lists}
WHERE (list, entry) IN (
    SELECT list, entry FROM {lists} WHERE until <= ? ORDER BY until LIMIT ?
)
