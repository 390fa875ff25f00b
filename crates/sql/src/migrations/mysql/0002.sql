CREATE TABLE IF NOT EXISTS {lists} (
    list VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    -- Empty in the row whose value is the list's version. Bytes of UTF-8, since texts are compared
    -- without the space at their ends.
    entry VARBINARY(1200) NOT NULL,
    value VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    until BIGINT,
    PRIMARY KEY (list, entry),
    KEY by_end (until)
) ENGINE = InnoDB;
