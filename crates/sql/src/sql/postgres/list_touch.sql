UPDATE {lists} SET value = (value::bigint + 1)::text
FROM (SELECT {settings}) AS settings
WHERE list = $1 AND entry = ''
