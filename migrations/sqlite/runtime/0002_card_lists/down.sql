DROP INDEX cards_by_id;
DROP INDEX cards_by_status;

CREATE TABLE plain_definitions (
    card      INTEGER NOT NULL PRIMARY KEY REFERENCES cards (row),
    kind      TEXT    NOT NULL,
    seat      TEXT    NOT NULL,
    summary   TEXT    NOT NULL,
    plan_json TEXT    NOT NULL
) STRICT;
INSERT INTO plain_definitions SELECT card, kind, seat, summary, plan_json FROM card_definitions;
DROP TABLE card_definitions;
ALTER TABLE plain_definitions RENAME TO card_definitions;
