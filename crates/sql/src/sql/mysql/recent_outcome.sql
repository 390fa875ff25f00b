SELECT at, id, outcome, ip, username, user_agent, accept, path
FROM {attempts} FORCE INDEX (by_outcome)
WHERE outcome = ? AND at >= ? AND at <= ? AND (at < ? OR id < ?)
ORDER BY at DESC, id DESC
LIMIT ?
