-- Each record names the snapshot that brought it, so that a run sees the memory as it was when the
-- run began. A record with a key takes the place of older ones with the same key; a removed one says
-- that there is none any more.

ALTER TABLE records ADD COLUMN record_key TEXT;
ALTER TABLE records ADD COLUMN since INTEGER NOT NULL DEFAULT 1;
ALTER TABLE records ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX records_by_key ON records (project, record_key, since) WHERE record_key IS NOT NULL;

CREATE TABLE projects (
    project  TEXT    NOT NULL PRIMARY KEY,
    snapshot INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO projects (project, snapshot) SELECT DISTINCT project, 1 FROM records;

-- A row for each run; its writes are in it until they are applied or given up.
CREATE TABLE commit_buffers (
    project     TEXT NOT NULL,
    run_id      TEXT NOT NULL,
    buffer_json TEXT NOT NULL,
    PRIMARY KEY (project, run_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE applied_commits (
    project     TEXT NOT NULL,
    commit_id   TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    PRIMARY KEY (project, commit_id)
) STRICT, WITHOUT ROWID;

-- No run has written to it yet.
DROP TABLE shared_memory;
