DROP TABLE legacy_rows;
