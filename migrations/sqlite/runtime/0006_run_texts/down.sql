DROP TABLE run_texts;
