-- Entities are JSON documents. What has to hold between them stands beside the
-- documents; it is kept by the program, within the transaction of the write.
-- Values that people choose are bytea: text cannot hold every string.
CREATE TABLE entities (
    kind     text COLLATE "C" NOT NULL,
    id       text COLLATE "C" NOT NULL,
    revision bigint NOT NULL, -- that last wrote it
    rank     bigint NOT NULL, -- place in lists that show the newest first
    expires  bigint NOT NULL, -- Unix seconds, 0 when it does not
    links    bytea NOT NULL,  -- its rows in the next three tables, to find them again
    doc      bytea NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE INDEX entities_expiring ON entities (expires) WHERE expires > 0;

CREATE TABLE unique_keys (
    kind  text COLLATE "C" NOT NULL,
    name  text COLLATE "C" NOT NULL,
    value bytea NOT NULL, -- a long one is shortened to its beginning and a digest
    id    text COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, name, value)
);

-- The entity kind, id refers to the entity to_kind, to_id.
CREATE TABLE entity_references (
    to_kind  text COLLATE "C" NOT NULL,
    to_id    text COLLATE "C" NOT NULL,
    kind     text COLLATE "C" NOT NULL,
    field    text COLLATE "C" NOT NULL,
    id       text COLLATE "C" NOT NULL,
    cascades boolean NOT NULL,
    rank     bigint NOT NULL, -- of the entity kind, id
    PRIMARY KEY (to_kind, to_id, kind, field, id)
);

CREATE INDEX entity_references_newest ON entity_references (to_kind, to_id, kind, field, rank DESC, id DESC);

CREATE TABLE tags (
    tag      bytea NOT NULL, -- shortened like a unique value
    whole    bytea,          -- the tag, when it was shortened
    id       text COLLATE "C" NOT NULL,
    kind     text COLLATE "C" NOT NULL,
    position bigint NOT NULL, -- among the tags of the entity, from 1
    PRIMARY KEY (tag, id, kind)
);

CREATE INDEX tags_by_entity ON tags (id, position, kind);

-- The change log: what each accepted write (a revision) did to each entity.
CREATE TABLE changes (
    place   bigint PRIMARY KEY, -- revision number * 2^24 + place within the revision
    time    bigint NOT NULL,    -- of the revision, Unix nanoseconds
    actor   text NOT NULL,      -- of the revision
    kind    text NOT NULL,
    id      text NOT NULL,
    expires bigint NOT NULL,
    before  bytea, -- document, NULL when there was none
    after   bytea  -- document, NULL when there is none
);

-- The number of the newest revision. Who writes locks this row from its first
-- look at the configuration to its commit.
CREATE TABLE newest_revision (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    number bigint NOT NULL
);
INSERT INTO newest_revision (number) VALUES (0);

-- How far each node has followed the change log.
CREATE TABLE nodes (
    id   text PRIMARY KEY,
    seen bigint NOT NULL, -- number of a revision
    at   timestamptz NOT NULL
);

-- What belongs to the installation and not to the configuration.
CREATE TABLE parameters (
    name  text COLLATE "C" PRIMARY KEY,
    value bytea NOT NULL
);
