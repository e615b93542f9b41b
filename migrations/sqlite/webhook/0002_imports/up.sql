-- Rows of databases of other programs that were imported: each whole, as JSON.
CREATE TABLE legacy_rows (
    source_table TEXT NOT NULL,
    key TEXT NOT NULL,
    target TEXT,
    row_json TEXT NOT NULL,
    PRIMARY KEY (source_table, key)
);
