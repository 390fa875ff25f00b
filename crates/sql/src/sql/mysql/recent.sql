SELECT at, id, outcome, ip, username, user_agent, accept, path
FROM {attempts} FORCE INDEX (PRIMARY)
WHERE at >= ? AND at <= ? AND (at < ? OR id < ?)
ORDER BY at DESC, id DESC
LIMIT ?
