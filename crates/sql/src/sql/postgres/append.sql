INSERT INTO {attempts} (at, outcome, ip, username, user_agent, accept, path)
SELECT
    appended.at, appended.outcome, appended.ip, appended.username, appended.user_agent,
    appended.accept, appended.path
FROM (SELECT {settings}) AS settings, ROWS FROM (json_to_recordset($1::json) AS (
    at bigint, outcome text, ip inet, username text, user_agent text, accept text, path text
)) WITH ORDINALITY AS appended
-- The numbers are given in this order.
ORDER BY appended.ordinality
