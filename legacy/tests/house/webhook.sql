CREATE TABLE pr_review_cycles (id INTEGER PRIMARY KEY AUTOINCREMENT, pr_key TEXT UNIQUE NOT NULL,
    repo_full_name TEXT NOT NULL, pr_number INTEGER NOT NULL, cycle_count INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL DEFAULT 'active', created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, UNIQUE(repo_full_name, pr_number));
CREATE TABLE review_failures (id INTEGER PRIMARY KEY AUTOINCREMENT, pr_key TEXT NOT NULL REFERENCES
    pr_review_cycles(pr_key), cycle_number INTEGER NOT NULL, reviewer TEXT, reason TEXT,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE webhook_events (id INTEGER PRIMARY KEY AUTOINCREMENT, event_type TEXT NOT NULL, pr_key TEXT,
    payload TEXT, result TEXT, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE bug_fix_phases (rock_id TEXT PRIMARY KEY, data_json TEXT NOT NULL, status TEXT NOT NULL,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
INSERT INTO pr_review_cycles (pr_key, repo_full_name, pr_number, cycle_count, status, created_at, updated_at) VALUES
    ('o/r#1', 'o/r', 1, 2, 'active', '2026-02-11 09:30:00', '2026-02-11 09:30:00'),
    ('o/r#2', 'o/r', 2, 4, 'rejected', '2026-02-11 09:31:00', '2026-02-11 09:32:00'),
    ('o/r#3', 'o/r', 3, 1, 'stuck', '2026-02-11 09:33:00', '2026-02-11 09:33:00');
INSERT INTO review_failures (pr_key, cycle_number, reviewer, reason, created_at) VALUES
    ('o/r#2', 1, 'guard', 'zu groß', '2026-02-11 09:31:30'),
    ('o/r#2', 2, NULL, NULL, '2026-02-11 09:31:40'),
    ('o/r#1', 1, 'guard', 'x', '2026-02-11 09:31:50'),
    ('o/r#9', 1, 'guard', 'orphan', '2026-02-11 09:31:50');
INSERT INTO webhook_events (event_type, pr_key, payload, created_at) VALUES ('pull_request', 'o/r#2', '{', '2026-02-11 09:31:00');
INSERT INTO bug_fix_phases VALUES ('market', '{"id":"phase-market"}', 'active', '2026-02-11 09:34:00');
