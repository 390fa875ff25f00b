INSERT INTO {attempts} (at, outcome, ip, username, user_agent, accept, path)
SELECT
    value ->> 'at', value ->> 'outcome', value ->> 'ip', value ->> 'username',
    value ->> 'user_agent', value ->> 'accept', value ->> 'path'
FROM json_each(?)
-- The numbers are given in this order.
ORDER BY key
