CREATE TABLE project_memory (id INTEGER PRIMARY KEY AUTOINCREMENT, content TEXT, metadata_json TEXT,
    keywords TEXT, created_at DATETIME DEFAULT CURRENT_TIMESTAMP);
INSERT INTO project_memory (content, metadata_json, keywords, created_at) VALUES
    ('the architect chose a monolith', '{"type":"decision","issue_id":"ARC-1"}', 'the architect chose', '2026-02-11 09:30:00'),
    (NULL, NULL, NULL, NULL),
    ('ünïcode', '[', 'ünïcode', 'never');
