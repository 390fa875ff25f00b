SELECT subject, version::bigint, failures::bigint, charged, touched, expires_at, locked_until, state
FROM {table}
WHERE subject = ANY (ARRAY(SELECT json_array_elements_text($1::json)))
