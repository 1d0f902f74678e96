-- Numbers that are no part of the configuration, such as how often a client has
-- come in a minute.
CREATE TABLE counters (
    key     TEXT PRIMARY KEY,
    used    INTEGER NOT NULL,
    expires INTEGER NOT NULL -- Unix seconds
) STRICT, WITHOUT ROWID;

CREATE INDEX counters_expiring ON counters (expires);
