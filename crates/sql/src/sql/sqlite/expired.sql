WITH page AS (
    SELECT subject, expires_at FROM {table} WHERE subject > ?1 ORDER BY subject LIMIT ?2
)
SELECT subject, 1 FROM page WHERE expires_at <= ?3
UNION ALL
SELECT max(subject), 0 FROM page
