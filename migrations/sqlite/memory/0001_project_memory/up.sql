-- What projects remember. Times are milliseconds since 1970-01-01 UTC; `*_json` columns hold JSON
-- text. Every row belongs to one project and is never seen by another.

CREATE TABLE records (
    id            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    project       TEXT    NOT NULL,
    record_type   TEXT    NOT NULL,
    content       TEXT    NOT NULL,
    metadata_json TEXT    NOT NULL DEFAULT '{}',
    created_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX records_by_project ON records (project, id);

-- The index of words holds no text of its own. Letters are compared as they are written, upper and
-- lower case aside.
CREATE VIRTUAL TABLE record_words USING fts5 (
    content,
    content = 'records',
    content_rowid = 'id',
    tokenize = "unicode61 remove_diacritics 0"
);
CREATE TRIGGER records_inserted AFTER INSERT ON records BEGIN
    INSERT INTO record_words (rowid, content) VALUES (new.id, new.content);
END;
CREATE TRIGGER records_deleted AFTER DELETE ON records BEGIN
    INSERT INTO record_words (record_words, rowid, content) VALUES ('delete', old.id, old.content);
END;

-- The commit buffers of a project's runs and what they committed, as one value: a step of any of
-- them is one transaction.
CREATE TABLE shared_memory (
    project    TEXT NOT NULL PRIMARY KEY,
    state_json TEXT NOT NULL
) STRICT, WITHOUT ROWID;
