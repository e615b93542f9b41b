-- What retention removed of a run, so that nobody takes it for damage: when, and which of its records.
CREATE TABLE removed_records (
    run_id    TEXT    NOT NULL PRIMARY KEY,
    at        INTEGER NOT NULL,
    what_json TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Runs whose records are kept whatever their age.
CREATE TABLE pinned_runs (
    run_id TEXT    NOT NULL PRIMARY KEY,
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
