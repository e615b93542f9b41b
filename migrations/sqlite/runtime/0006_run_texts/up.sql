-- Long texts that many steps of a run say again: what each seat is told of its work at the beginning of
-- every prompt. A step names such a text by its digest (BLAKE3, 32 bytes), which its link covers.
CREATE TABLE run_texts (
    id     INTEGER NOT NULL PRIMARY KEY,
    run_id TEXT    NOT NULL,
    digest BLOB    NOT NULL,
    body   TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX run_texts_by_run    ON run_texts (run_id, digest);
CREATE INDEX        run_texts_by_digest ON run_texts (digest);
