-- Cards in lists: when each was made, and what lists show of its plan, in columns of their own. The
-- plan itself is last, so that a list does not read it.
--
-- Lists are newest first by `cards.row`, which every index ends with: `cards_by_run` and
-- `cards_by_run_status` find the cards of a run, and through its runs those of a build.

CREATE TABLE listed_definitions (
    card              INTEGER NOT NULL PRIMARY KEY REFERENCES cards (row),
    created_at        INTEGER NOT NULL,
    kind              TEXT    NOT NULL,
    seat              TEXT    NOT NULL,
    summary           TEXT    NOT NULL,
    note              TEXT    NOT NULL,
    priority          REAL    NOT NULL,
    max_retries       INTEGER NOT NULL,
    depends_on_json   TEXT    NOT NULL,
    verification_json TEXT    NOT NULL,
    plan_json         TEXT    NOT NULL
) STRICT;

-- A card is as old as the first thing known of it. A plan that cannot be read stays as it is, for
-- `orket verify` to find.
INSERT INTO listed_definitions
SELECT d.card,
       min(c.updated_at,
           coalesce((SELECT min(at) FROM card_events WHERE card = d.card), c.updated_at),
           coalesce((SELECT min(started_at) FROM turns WHERE card = d.card), c.updated_at),
           coalesce((SELECT started_at FROM runs WHERE run_id = c.run_id), c.updated_at)),
       d.kind,
       d.seat,
       d.summary,
       CASE json_type(d.plan, '$.note') WHEN 'text' THEN d.plan ->> '$.note' ELSE '' END,
       CASE WHEN json_type(d.plan, '$.priority') IN ('integer', 'real')
            THEN d.plan ->> '$.priority' ELSE 2.0 END,
       CASE json_type(d.plan, '$.max_retries') WHEN 'integer'
            THEN d.plan ->> '$.max_retries' ELSE 3 END,
       CASE json_type(d.plan, '$.depends_on') WHEN 'array'
            THEN d.plan -> '$.depends_on' ELSE '[]' END,
       CASE json_type(d.plan, '$.fixture') WHEN 'object'
            THEN json_object('fixture_path', d.plan ->> '$.fixture.path',
                             'scenarios', json(coalesce(d.plan -> '$.fixture.scenarios', '[]')),
                             'last_run', NULL)
            ELSE '{"fixture_path":null,"scenarios":[],"last_run":null}' END,
       d.plan_json
FROM (SELECT card, kind, seat, summary, plan_json,
             CASE WHEN json_valid(plan_json) THEN plan_json ELSE '{}' END AS plan
      FROM card_definitions) AS d
JOIN cards AS c ON c.row = d.card;

DROP TABLE card_definitions;
ALTER TABLE listed_definitions RENAME TO card_definitions;

-- The cards of one status, and those of one id whatever their build.
CREATE INDEX cards_by_status ON cards (status);
CREATE INDEX cards_by_id     ON cards (card_id);
