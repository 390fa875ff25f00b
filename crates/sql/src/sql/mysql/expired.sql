WITH page AS (
    SELECT subject, expires_at FROM {table} WHERE subject > ? ORDER BY subject LIMIT ?
)
SELECT subject, 1 FROM page WHERE expires_at <= ?
UNION ALL
SELECT MAX(subject), 0 FROM page
