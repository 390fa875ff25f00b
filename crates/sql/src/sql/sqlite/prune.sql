DELETE FROM {attempts}
WHERE id IN (
    SELECT id FROM {attempts} INDEXED BY "{name}_by_time" WHERE at < ? ORDER BY at, id LIMIT ?
)
