DROP TABLE pinned_runs;
DROP TABLE removed_records;
