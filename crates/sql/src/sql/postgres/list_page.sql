SELECT entry, value, until
FROM {lists}
WHERE list = $1 AND entry > $2 AND (until IS NULL OR until > $3)
ORDER BY entry
LIMIT $4
