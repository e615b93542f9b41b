DROP TABLE shared_memory;
DROP TRIGGER records_deleted;
DROP TRIGGER records_inserted;
DROP TABLE record_words;
DROP TABLE records;
