DELETE FROM {table}
WHERE subject = ANY (ARRAY(SELECT json_array_elements_text($1::json))) AND expires_at <= $2
