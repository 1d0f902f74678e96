-- Numbers that are no part of the configuration, such as how often a client has
-- come in a minute. Counting should not wait for the disk: the table is empty
-- after the database server has crashed. Rows are changed often, in their place.
CREATE UNLOGGED TABLE counters (
    key     text COLLATE "C" PRIMARY KEY,
    used    bigint NOT NULL,
    expires bigint NOT NULL -- Unix seconds
) WITH (fillfactor = 50);

CREATE INDEX counters_expiring ON counters (expires);
