-- Entities are JSON documents. What has to hold between them stands beside the
-- documents; it is kept by the program, within the transaction of the write.
CREATE TABLE entities (
    kind     TEXT NOT NULL,
    id       TEXT NOT NULL,
    revision INTEGER NOT NULL, -- that last wrote it
    rank     INTEGER NOT NULL, -- place in lists that show the newest first
    expires  INTEGER NOT NULL, -- Unix seconds, 0 when it does not
    links    BLOB NOT NULL,    -- its rows in the next three tables, to find them again
    doc      BLOB NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX entities_expiring ON entities (expires) WHERE expires > 0;

CREATE TABLE unique_keys (
    kind  TEXT NOT NULL,
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    id    TEXT NOT NULL,
    PRIMARY KEY (kind, name, value)
) STRICT, WITHOUT ROWID;

-- The entity kind, id refers to the entity to_kind, to_id.
CREATE TABLE entity_references (
    to_kind  TEXT NOT NULL,
    to_id    TEXT NOT NULL,
    kind     TEXT NOT NULL,
    field    TEXT NOT NULL,
    id       TEXT NOT NULL,
    cascades INTEGER NOT NULL,
    rank     INTEGER NOT NULL, -- of the entity kind, id
    PRIMARY KEY (to_kind, to_id, kind, field, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX entity_references_newest ON entity_references (to_kind, to_id, kind, field, rank DESC, id DESC);

CREATE TABLE tags (
    tag      TEXT NOT NULL,
    id       TEXT NOT NULL,
    kind     TEXT NOT NULL,
    position INTEGER NOT NULL, -- among the tags of the entity, from 1
    PRIMARY KEY (tag, id, kind)
) STRICT, WITHOUT ROWID;

CREATE INDEX tags_by_entity ON tags (id, position, kind);

-- The change log: what each accepted write (a revision) did to each entity.
CREATE TABLE changes (
    place   INTEGER PRIMARY KEY, -- revision number * 2^24 + place within the revision
    time    INTEGER NOT NULL,    -- of the revision, Unix nanoseconds
    actor   TEXT NOT NULL,       -- of the revision
    kind    TEXT NOT NULL,
    id      TEXT NOT NULL,
    expires INTEGER NOT NULL,
    before  BLOB, -- document, NULL when there was none
    after   BLOB  -- document, NULL when there is none
) STRICT;

-- What belongs to the installation and not to the configuration.
CREATE TABLE parameters (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
