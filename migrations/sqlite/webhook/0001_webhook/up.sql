-- Names and columns of the Python Orket 0.3 are kept where they mean the same; times in `created_at`
-- and `updated_at` are as SQLite writes them, in UTC.

-- What was told, once each: by its id, and by its body, since the id is not signed.
CREATE TABLE webhook_events (
    id INTEGER PRIMARY KEY NOT NULL,
    delivery_id TEXT NOT NULL UNIQUE,
    -- SHA-256.
    body_digest BLOB NOT NULL UNIQUE,
    event_type TEXT NOT NULL,
    pr_key TEXT,
    -- What was decided: {"status", "message"}.
    result TEXT NOT NULL,
    received_ms BIGINT NOT NULL,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    -- Last: it is long, and what stands behind it would have to be looked for.
    payload TEXT NOT NULL
);

CREATE INDEX webhook_events_of_pr ON webhook_events (pr_key, id) WHERE pr_key IS NOT NULL;

-- What was told and is kept no more: one that is sent again is still a repeat.
CREATE TABLE past_deliveries (
    body_digest BLOB PRIMARY KEY NOT NULL,
    delivery_id TEXT NOT NULL,
    -- Its number, which is not given again.
    event_row BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX past_deliveries_by_row ON past_deliveries (event_row);

CREATE TABLE pr_review_cycles (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    pr_key TEXT NOT NULL UNIQUE,
    repo_full_name TEXT NOT NULL,
    pr_number BIGINT NOT NULL,
    cycle_count INTEGER NOT NULL DEFAULT 0,
    -- active, rejected, merged, closed.
    status TEXT NOT NULL DEFAULT 'active',
    author TEXT,
    head_sha TEXT,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (repo_full_name, pr_number)
);

CREATE INDEX idx_pr_review_cycles_status ON pr_review_cycles (status, updated_at);

CREATE TABLE review_failures (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    pr_key TEXT NOT NULL REFERENCES pr_review_cycles (pr_key),
    cycle_number INTEGER NOT NULL,
    reviewer TEXT NOT NULL,
    reason TEXT,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX idx_review_failures_cycle ON review_failures (pr_key, cycle_number);

-- One of each reviewer, for the commit that was looked at.
CREATE TABLE review_approvals (
    pr_key TEXT NOT NULL REFERENCES pr_review_cycles (pr_key),
    reviewer TEXT NOT NULL COLLATE NOCASE,
    sha TEXT,
    event_row BIGINT NOT NULL,
    PRIMARY KEY (pr_key, reviewer)
) WITHOUT ROWID;

-- What is to be done elsewhere because of an event, in this order.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- The event that it followed from first.
    event_row BIGINT NOT NULL,
    pr_key TEXT NOT NULL,
    -- merge, comment, close, open_issue, run_card, start_phase, deploy.
    kind TEXT NOT NULL,
    -- What it asks for, as JSON.
    request TEXT NOT NULL,
    -- What it does can be done once: the same key is not sent again.
    once TEXT NOT NULL UNIQUE,
    -- pending, sending, done, failed, unknown, skipped.
    status TEXT NOT NULL DEFAULT 'pending',
    attempts INTEGER NOT NULL DEFAULT 0,
    -- A try that got no answer may have done it.
    unsure BOOLEAN NOT NULL DEFAULT 0,
    next_try_ms BIGINT NOT NULL,
    -- What came of it, in words.
    outcome TEXT,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);

-- Which events come to a call: two approvals may come to the same one.
CREATE TABLE event_calls (
    event_row BIGINT NOT NULL,
    outbox_id BIGINT NOT NULL,
    PRIMARY KEY (event_row, outbox_id)
) WITHOUT ROWID;

CREATE INDEX event_calls_of_call ON event_calls (outbox_id);

CREATE INDEX outbox_due ON outbox (next_try_ms, id) WHERE status IN ('pending', 'sending');
CREATE INDEX outbox_of_pr ON outbox (pr_key, id) WHERE status IN ('pending', 'sending');
CREATE INDEX outbox_of_event ON outbox (event_row, id);

-- Theoretical arrival times of the rate limiter, stored with what they let in.
CREATE TABLE rate_limits (
    key TEXT PRIMARY KEY NOT NULL,
    at_ns BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE bug_fix_phases (
    rock_id TEXT PRIMARY KEY NOT NULL,
    data_json TEXT NOT NULL,
    status TEXT NOT NULL,
    updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    -- When it is let go of, milliseconds since 1970-01-01 UTC; NULL while somebody has to look after it.
    forget_ms BIGINT
);

CREATE INDEX bug_fix_phases_to_forget ON bug_fix_phases (forget_ms, rock_id);
