CREATE TABLE IF NOT EXISTS {table} (
    subject VARCHAR(600) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
    -- Without strict mode a lost race would make this zero.
    version INT NOT NULL CHECK (version <> 0),
    failures INT NOT NULL,
    charged BIGINT NOT NULL,
    touched BIGINT NOT NULL,
    expires_at BIGINT,
    locked_until BIGINT,
    state TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    KEY by_end (locked_until, subject)
) ENGINE = InnoDB;
CREATE OR REPLACE VIEW {locked} AS
SELECT
    subject,
    FROM_UNIXTIME(CAST(JSON_VALUE(state, '$.locked_since') AS SIGNED) / 1000) AS locked_since,
    CASE
        WHEN locked_until = 9223372036854775807 THEN NULL
        ELSE FROM_UNIXTIME(locked_until / 1000)
    END AS locked_until,
    COALESCE(JSON_VALUE(state, '$.locked_by'), 'rule') AS locked_by,
    failures
FROM {table}
WHERE locked_until > UNIX_TIMESTAMP(NOW(3)) * 1000
    AND COALESCE(CAST(JSON_VALUE(state, '$.lapses') AS SIGNED), 0) <= UNIX_TIMESTAMP(NOW(3)) * 1000;
CREATE TABLE IF NOT EXISTS {attempts} (
    at BIGINT NOT NULL,
    id BIGINT NOT NULL AUTO_INCREMENT,
    outcome VARCHAR(16) NOT NULL,
    ip VARCHAR(45),
    username VARCHAR(510),
    user_agent VARCHAR(1024),
    accept VARCHAR(510),
    path VARCHAR(510),
    PRIMARY KEY (at, id),
    KEY by_id (id),
    KEY by_username (username, at, id),
    KEY by_ip (ip, at, id),
    KEY by_outcome (outcome, at, id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
