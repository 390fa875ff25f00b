SELECT at, id, outcome, ip, username, user_agent, accept, path
FROM {attempts} INDEXED BY "{name}_by_ip"
WHERE ip = ?1 AND at >= ?2 AND at <= ?3 AND (at < ?4 OR id < ?5)
ORDER BY at DESC, id DESC
LIMIT ?6
