-- What is looked for. Rows are short, so that even a search without an index is.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY NOT NULL,
    at_ms BIGINT NOT NULL,
    event TEXT NOT NULL,
    role TEXT NOT NULL,
    session_id TEXT
);

-- With everything that is asked of a session, so that its rows need not be looked at.
CREATE INDEX events_of_session ON events (session_id, seq, event, role, at_ms)
    WHERE session_id IS NOT NULL;
-- These end in seq by themselves.
CREATE INDEX events_of_name ON events (event);
CREATE INDEX events_of_role ON events (role);

-- What is shown: the data of an event without its runtime_event, which is made of the rest.
CREATE TABLE event_fields (
    seq INTEGER PRIMARY KEY NOT NULL,
    fields TEXT NOT NULL
);

-- last_seq: no event has a higher number, kept or not. kept: rows of events. pruned_seq: up to
-- here rows were removed because there were too many. newest_ms: the latest at_ms. disordered_seq:
-- behind this one, times rise with numbers, so that a time can be looked for without an index.
CREATE TABLE numbers (
    name TEXT PRIMARY KEY NOT NULL,
    value BIGINT NOT NULL
) WITHOUT ROWID;

INSERT INTO numbers (name, value)
VALUES ('last_seq', 0), ('kept', 0), ('pruned_seq', 0), ('newest_ms', 0), ('disordered_seq', 0);
