DROP TABLE legacy_imports;
DROP TABLE legacy_rows;
