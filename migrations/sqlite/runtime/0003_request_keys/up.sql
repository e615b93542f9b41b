-- What a client named a request that began a run, so that the same request again means the same run.
-- `digest` tells another request under the same name apart.
CREATE TABLE request_keys (
    key    TEXT    NOT NULL PRIMARY KEY,
    digest TEXT    NOT NULL,
    run_id TEXT    NOT NULL,
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX request_keys_by_age ON request_keys (at);
