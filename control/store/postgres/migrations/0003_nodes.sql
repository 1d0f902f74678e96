-- What a node is, for those who watch several.
ALTER TABLE nodes
    ADD COLUMN hostname text NOT NULL DEFAULT '',
    ADD COLUMN version  text NOT NULL DEFAULT '';
