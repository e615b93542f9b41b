-- Databases of other programs that were imported. Each row of theirs is kept whole, as JSON, whether
-- there is a place for it among our own tables or not; `target` names that place.
CREATE TABLE legacy_rows (
    source_table TEXT NOT NULL,
    key          TEXT NOT NULL,
    target       TEXT,
    row_json     TEXT NOT NULL,
    PRIMARY KEY (source_table, key)
) STRICT;

-- Each import that brought something: from where, and what it found that could not be taken as it was.
CREATE TABLE legacy_imports (
    id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    source      TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    report_json TEXT    NOT NULL
) STRICT;
