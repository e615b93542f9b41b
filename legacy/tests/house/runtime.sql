BEGIN;
CREATE TABLE issues (id TEXT PRIMARY KEY, session_id TEXT, build_id TEXT, seat TEXT, summary TEXT,
    type TEXT, priority TEXT, sprint TEXT, status TEXT DEFAULT 'ready', assignee TEXT, note TEXT,
    resolution TEXT, credits_spent REAL DEFAULT 0, retry_count INTEGER DEFAULT 0,
    max_retries INTEGER DEFAULT 3, verification_json TEXT, metrics_json TEXT, depends_on_json TEXT,
    created_at DATETIME);
CREATE TABLE comments (id INTEGER PRIMARY KEY AUTOINCREMENT, issue_id TEXT REFERENCES issues(id),
    author TEXT, content TEXT, created_at DATETIME);
CREATE TABLE card_transactions (id INTEGER PRIMARY KEY AUTOINCREMENT, card_id TEXT, role TEXT,
    action TEXT, timestamp DATETIME DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE sessions (id TEXT PRIMARY KEY, type TEXT, name TEXT, department TEXT, status TEXT,
    task_input TEXT, transcript TEXT, start_time DATETIME, end_time DATETIME);
CREATE TABLE session_snapshots (session_id TEXT PRIMARY KEY, config_json TEXT, log_history TEXT,
    captured_at DATETIME);
CREATE TABLE success_ledger (session_id TEXT PRIMARY KEY, success_type TEXT, artifact_ref TEXT,
    human_ack TEXT, timestamp DATETIME DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE run_ledger (session_id TEXT PRIMARY KEY, run_type TEXT, run_name TEXT,
    department TEXT, build_id TEXT, status TEXT, failure_class TEXT, failure_reason TEXT,
    summary_json TEXT, artifact_json TEXT, started_at DATETIME, ended_at DATETIME,
    updated_at DATETIME);
CREATE TABLE pending_gate_requests (request_id TEXT PRIMARY KEY, session_id TEXT, issue_id TEXT,
    seat_name TEXT, gate_mode TEXT, request_type TEXT, reason TEXT, payload_json TEXT, status TEXT,
    resolution_json TEXT, created_at DATETIME, updated_at DATETIME, resolved_at DATETIME);
CREATE TABLE _schema_migrations (id TEXT PRIMARY KEY, applied_at TEXT NOT NULL);
INSERT INTO _schema_migrations VALUES ('001_runtime_indexes.sql', '2026-02-11');

CREATE TEMP TABLE words (n INTEGER PRIMARY KEY, status TEXT);
INSERT INTO words (status) VALUES ('ready'), ('in_progress'), ('blocked'),
    ('waiting_for_developer'), ('ready_for_testing'), ('code_review'), ('awaiting_guard_review'),
    ('guard_approved'), ('guard_rejected'), ('guard_requested_changes'), ('done'), ('canceled'),
    ('archived'), ('finished'), (NULL);

WITH RECURSIVE card (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM card WHERE n + 1 < @CARDS@)
INSERT INTO issues
SELECT CASE WHEN n % 997 = 996 THEN 'odd id/' || n ELSE 'I-' || n END,
    CASE WHEN n % 11 = 7 THEN NULL ELSE printf('%08x', n / 40) END,
    CASE WHEN n % 401 = 400 THEN NULL WHEN n % 401 = 399 THEN 'bad build ' || n
         ELSE 'build-' || (n / 40) END,
    CASE n % 4 WHEN 0 THEN 'coder' WHEN 1 THEN 'architect' WHEN 2 THEN 'integrity_guard' END,
    'Karte ' || n || ' – größer, 日本語, ' || char(128512) || CASE WHEN n % 50 = 3 THEN char(0) || 'nul' ELSE '' END,
    CASE n % 9 WHEN 0 THEN 'story' WHEN 1 THEN NULL ELSE 'issue' END,
    CASE n % 7 WHEN 0 THEN 'High' WHEN 1 THEN 'low' WHEN 2 THEN '2.5' WHEN 3 THEN NULL WHEN 4 THEN 'urgent'
         WHEN 5 THEN 'Medium' ELSE '3' END,
    CASE WHEN n % 2 = 0 THEN 'Q1 S6' END,
    (SELECT status FROM words WHERE words.n = card.n % 15 + 1),
    CASE WHEN n % 3 = 0 THEN 'coder' END,
    CASE WHEN n % 1000 = 1 THEN replace(hex(zeroblob(50000)), '0', 'ü') WHEN n % 5 = 0 THEN NULL ELSE 'note ' || n % 13 END,
    CASE WHEN n % 6 = 0 THEN 'solved' END,
    n * 0.1,
    CASE WHEN n % 31 = 30 THEN -1 ELSE n % 4 END,
    CASE WHEN n % 37 = 36 THEN NULL ELSE 3 END,
    CASE n % 6 WHEN 0 THEN '{"fixture_path":"f.py","scenarios":[{"id":"s"}]}' WHEN 1 THEN '{' WHEN 2 THEN '[]'
         WHEN 3 THEN '' WHEN 4 THEN 'null' END,
    CASE n % 5 WHEN 0 THEN '{"score":7.5,"grade":"A"}' WHEN 1 THEN 'not json' WHEN 2 THEN '{}' END,
    CASE n % 4 WHEN 0 THEN '["I-' || (n - 1) || '"]' WHEN 1 THEN '{"a":1}' WHEN 2 THEN '[]' END,
    CASE n % 5 WHEN 0 THEN strftime('%Y-%m-%dT%H:%M:%f+00:00', 1770802200 + n, 'unixepoch')
         WHEN 1 THEN datetime(1770802200 + n, 'unixepoch') WHEN 2 THEN NULL WHEN 3 THEN 'yesterday'
         ELSE strftime('%Y-%m-%dT%H:%M:%f', 1770802200 + n, 'unixepoch') END
FROM card;
INSERT INTO comments (issue_id, author, content, created_at)
SELECT id, 'coder', 'said of ' || id, '2026-02-11T10:00:00+00:00' FROM issues WHERE rowid % 3 = 0;
INSERT INTO comments (issue_id, author, content, created_at) VALUES ('nobody', NULL, NULL, 'x');
INSERT INTO card_transactions (card_id, role, action, timestamp)
SELECT id, 'system', 'Set Status to ''' || coalesce(status, 'ready') || ''' (from ''ready'') meta={}', datetime(1770802300 + rowid, 'unixepoch')
FROM issues;
INSERT INTO card_transactions (card_id, role, action, timestamp) VALUES ('nobody', 'system', 'Reported 3 credits', '2026-02-11 10:00:00');
INSERT INTO run_ledger
SELECT session_id, 'epic', 'epic ' || min(rowid), 'core', min(build_id),
    CASE rowid % 6 WHEN 0 THEN 'running' WHEN 1 THEN 'done' WHEN 2 THEN 'incomplete' WHEN 3 THEN 'terminal_failure'
         WHEN 4 THEN 'failed' ELSE 'exploded' END,
    CASE WHEN rowid % 2 = 0 THEN 'ExecutionFailed' END, NULL, '{"issue_count":40}',
    CASE WHEN rowid % 3 = 0 THEN '[' ELSE '{"workspace":"workspace/default"}' END,
    '2026-02-11T09:30:00+00:00', NULL, '2026-02-11T09:40:00+00:00'
FROM issues WHERE session_id IS NOT NULL AND (rowid / 40) % 2 = 0 GROUP BY session_id;
INSERT INTO sessions
SELECT session_id, 'epic', 'epic ' || min(rowid), 'core', 'Started', 'do it', '[{"role":"coder","content":"…"}]',
    '2026-02-11T09:30:00', NULL
FROM issues WHERE session_id IS NOT NULL AND (rowid / 40) % 3 = 0 GROUP BY session_id;
INSERT INTO session_snapshots SELECT id, '{"a":1}', '[]', '2026-02-11T09:31:00' FROM sessions;
INSERT INTO success_ledger SELECT id, 'EPIC_COMPLETED', 'build:x', NULL, '2026-02-11 09:31:00' FROM sessions;
INSERT INTO pending_gate_requests
SELECT printf('%08x', rowid), session_id, id, 'integrity_guard', 'review_required', 'guard_rejection_payload', 'no rationale',
    CASE WHEN rowid % 2 = 0 THEN '{"a":1}' ELSE '{' END,
    CASE rowid % 3 WHEN 0 THEN 'pending' WHEN 1 THEN 'approved' ELSE 'whatever' END,
    NULL, '2026-02-11T10:00:00+00:00', '2026-02-11T10:01:00+00:00', NULL
FROM issues WHERE status = 'guard_rejected';
CREATE TABLE left_over (a, b BLOB);
INSERT INTO left_over VALUES (1.5, x'00ff'), (1.5, x'00ff'), (CAST(x'fffe' AS TEXT), NULL);
COMMIT;
