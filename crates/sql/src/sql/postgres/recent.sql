SELECT at, id, outcome, host(ip), username, user_agent, accept, path
FROM {attempts}
WHERE at >= $1 AND (at, id) < ($2, $4)
ORDER BY at DESC, id DESC
LIMIT $5
