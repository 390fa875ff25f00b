SELECT at, id, outcome, host(ip), username, user_agent, accept, path
FROM {attempts}
-- Only one index has this order, so no other one is ever read, whatever the statistics say.
WHERE (ip, at, id) >= ($1::inet, $2, 0) AND (ip, at, id) < ($1::inet, $3, $5)
ORDER BY ip DESC, at DESC, id DESC
LIMIT $6
