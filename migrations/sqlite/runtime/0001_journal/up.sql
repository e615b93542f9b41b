-- The journal. Times are milliseconds since 1970-01-01 UTC; `*_json` columns hold JSON text.
-- Words (statuses, kinds) are checked by the program, which alone writes here.

CREATE TABLE runs (
    run_id       TEXT    NOT NULL PRIMARY KEY,
    build_id     TEXT    NOT NULL,
    epic         TEXT    NOT NULL,
    status       TEXT    NOT NULL,
    started_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    summary_json TEXT    NOT NULL DEFAULT '{}',
    target       TEXT,
    rock         TEXT,
    rock_build   TEXT,
    rock_order   INTEGER,
    rock_needs   TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_by_status ON runs (status, started_at);
CREATE INDEX runs_by_start  ON runs (started_at);
CREATE INDEX runs_by_build  ON runs (build_id, started_at);
CREATE INDEX runs_by_epic   ON runs (epic, started_at);
-- Which rock a run belongs to, its place in it, and (JSON) the epics that must be done before.
CREATE INDEX runs_by_rock   ON runs (rock_build, rock_order) WHERE rock_build IS NOT NULL;

-- The plan is large and never changes: apart from the row that does.
CREATE TABLE run_plans (
    run_id    TEXT NOT NULL PRIMARY KEY REFERENCES runs (run_id),
    plan_json TEXT NOT NULL
) STRICT;

-- The cards of a run whose turn has not come; they move to `cards` when it begins.
CREATE TABLE queued_cards (
    run_id     TEXT NOT NULL PRIMARY KEY REFERENCES runs (run_id),
    cards_json TEXT NOT NULL
) STRICT;

-- `row` is given by the runtime and never used again. `row` of `turns` likewise.
CREATE TABLE cards (
    row         INTEGER NOT NULL PRIMARY KEY,
    run_id      TEXT    NOT NULL REFERENCES runs (run_id),
    build_id    TEXT    NOT NULL,
    card_id     TEXT    NOT NULL,
    position    INTEGER NOT NULL,
    fence       INTEGER NOT NULL DEFAULT 0,
    status      TEXT    NOT NULL,
    wait_reason TEXT,
    turn        INTEGER NOT NULL,
    attempt     INTEGER NOT NULL,
    tokens      INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    life_json   TEXT    NOT NULL,
    UNIQUE (build_id, card_id)
) STRICT;
CREATE INDEX cards_by_run        ON cards (run_id);
CREATE INDEX cards_by_run_status ON cards (run_id, status);

-- What a card is, apart from how it stands.
CREATE TABLE card_definitions (
    card      INTEGER NOT NULL PRIMARY KEY REFERENCES cards (row),
    kind      TEXT    NOT NULL,
    seat      TEXT    NOT NULL,
    summary   TEXT    NOT NULL,
    plan_json TEXT    NOT NULL
) STRICT;

-- The audit: status changes (`kind` = 'status') and what else happened to a card or its run.
CREATE TABLE card_events (
    seq         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run_id      TEXT    NOT NULL,
    card        INTEGER,
    kind        TEXT    NOT NULL,
    from_status TEXT,
    to_status   TEXT,
    reason      TEXT,
    by_whom     TEXT,
    data_json   TEXT,
    at          INTEGER NOT NULL
) STRICT;
CREATE INDEX card_events_by_run  ON card_events (run_id);
CREATE INDEX card_events_by_card ON card_events (card, seq) WHERE card IS NOT NULL;

-- One attempt of one seat at one card. `status`: open, succeeded, failed, stalled, abandoned;
-- open exactly while `ended_at` is null. `head` is the link of its last step once it has ended, so
-- that steps cut off at the end are missed too.
CREATE TABLE turns (
    row           INTEGER NOT NULL PRIMARY KEY,
    card          INTEGER NOT NULL REFERENCES cards (row),
    fence         INTEGER NOT NULL,
    status        TEXT    NOT NULL,
    turn          INTEGER NOT NULL,
    attempt       INTEGER NOT NULL,
    started_at    INTEGER NOT NULL,
    ended_at      INTEGER,
    prompt_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    code          TEXT,
    seat          TEXT    NOT NULL,
    role          TEXT    NOT NULL,
    card_id       TEXT    NOT NULL,
    run_id        TEXT    NOT NULL,
    head          BLOB
) STRICT;
CREATE INDEX turns_by_card ON turns (card);
CREATE INDEX turns_by_run  ON turns (run_id, card_id);
CREATE INDEX turns_open    ON turns (card) WHERE ended_at IS NULL;

-- Rows are appended at the end of the table, whatever turn they belong to, so that a commit for
-- many turns touches few pages; the unique index finds the steps of a turn. Who owns
-- the turn is known to the one writer, which refuses the others. What kind of step it is, `body_json`
-- says. `link` (BLAKE3, 32 bytes) chains each step
-- to the one before it at the same card.
CREATE TABLE turn_steps (
    id        INTEGER NOT NULL PRIMARY KEY,
    turn      INTEGER NOT NULL,
    seq       INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    body_json TEXT    NOT NULL,
    link      BLOB
) STRICT;
CREATE UNIQUE INDEX turn_steps_by_turn ON turn_steps (turn, seq);

-- What a person must decide. An approval is for one digest of (tool, arguments, target, policy), until
-- a time, and once.
CREATE TABLE gates (
    id              INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run_id          TEXT    NOT NULL,
    card            INTEGER NOT NULL REFERENCES cards (row),
    card_id         TEXT    NOT NULL,
    seat            TEXT    NOT NULL,
    request_type    TEXT    NOT NULL,
    reason          TEXT    NOT NULL,
    payload_json    TEXT    NOT NULL,
    status          TEXT    NOT NULL DEFAULT 'pending',
    resolution_json TEXT,
    created_at      INTEGER NOT NULL,
    resolved_at     INTEGER,
    digest          TEXT,
    expires_at      INTEGER,
    spent_at        INTEGER,
    decided_by      TEXT
) STRICT;
CREATE INDEX gates_by_status ON gates (status);
CREATE INDEX gates_by_card   ON gates (card, digest);
CREATE INDEX gates_by_run    ON gates (run_id, id);

CREATE TABLE comments (
    id      INTEGER NOT NULL PRIMARY KEY,
    card    INTEGER NOT NULL REFERENCES cards (row),
    key     TEXT    NOT NULL UNIQUE,
    author  TEXT    NOT NULL,
    content TEXT    NOT NULL,
    at      INTEGER NOT NULL
) STRICT;
CREATE INDEX comments_by_card ON comments (card);

-- Amounts set aside before a question and spent after it, per scope (rock, epic, card) and unit.
-- `allowed` is the plan's limit (NULL: none), `granted` what people added to it.
CREATE TABLE budgets (
    scope      TEXT    NOT NULL,
    scope_id   TEXT    NOT NULL,
    unit       TEXT    NOT NULL,
    allowed    INTEGER,
    granted    INTEGER NOT NULL DEFAULT 0,
    reserved   INTEGER NOT NULL DEFAULT 0,
    spent      INTEGER NOT NULL DEFAULT 0,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (scope, scope_id, unit)
) STRICT, WITHOUT ROWID;

-- What open attempts have set aside.
CREATE TABLE budget_reservations (
    turn         INTEGER NOT NULL PRIMARY KEY,
    scopes_json  TEXT    NOT NULL,
    amounts_json TEXT    NOT NULL
) STRICT;

-- What is remembered between runs, per namespace.
CREATE TABLE memory (
    id            INTEGER NOT NULL PRIMARY KEY,
    namespace     TEXT    NOT NULL,
    key           TEXT    NOT NULL,
    content       TEXT    NOT NULL,
    metadata_json TEXT    NOT NULL DEFAULT '{}',
    updated_at    INTEGER NOT NULL,
    UNIQUE (namespace, key)
) STRICT;

CREATE TABLE settings (
    key        TEXT    NOT NULL PRIMARY KEY,
    value_json TEXT    NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who holds what until when; `epoch` rises with every new holder.
CREATE TABLE leases (
    name        TEXT    NOT NULL PRIMARY KEY,
    owner       TEXT    NOT NULL,
    epoch       INTEGER NOT NULL,
    acquired_at INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    data_json   TEXT    NOT NULL DEFAULT '{}'
) STRICT, WITHOUT ROWID;
