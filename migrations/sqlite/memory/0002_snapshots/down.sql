CREATE TABLE shared_memory (
    project    TEXT NOT NULL PRIMARY KEY,
    state_json TEXT NOT NULL
) STRICT, WITHOUT ROWID;
DROP TABLE applied_commits;
DROP TABLE commit_buffers;
DROP TABLE projects;
DELETE FROM records WHERE removed = 1;
DROP INDEX records_by_key;
ALTER TABLE records DROP COLUMN removed;
ALTER TABLE records DROP COLUMN since;
ALTER TABLE records DROP COLUMN record_key;
