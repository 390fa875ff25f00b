CREATE TABLE IF NOT EXISTS {migrations} (
    version integer NOT NULL PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
)
