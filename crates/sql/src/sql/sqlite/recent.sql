SELECT at, id, outcome, ip, username, user_agent, accept, path
FROM {attempts} INDEXED BY "{name}_by_time"
WHERE at >= ?1 AND at <= ?2 AND (at < ?3 OR id < ?4)
ORDER BY at DESC, id DESC
LIMIT ?5
