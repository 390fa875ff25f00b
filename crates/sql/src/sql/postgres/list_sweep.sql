DELETE FROM {lists}
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM {lists} WHERE until <= $1 ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED
))
