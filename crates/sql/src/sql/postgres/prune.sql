DELETE FROM {attempts}
WHERE ctid = ANY (ARRAY(
    -- Everybody takes the rows in one order, and whoever comes second takes those that are left.
    SELECT ctid FROM {attempts} WHERE at < $1 ORDER BY at, id LIMIT $2 FOR UPDATE
))
