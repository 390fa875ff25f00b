SELECT at, id, outcome, host(ip), username, user_agent, accept, path
FROM {attempts}
-- Only one index has this order, so no other one is ever read, whatever the statistics say.
WHERE (username, at, id) >= ($1, $2, 0) AND (username, at, id) < ($1, $3, $5)
ORDER BY username DESC, at DESC, id DESC
LIMIT $6
