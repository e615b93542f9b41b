DROP TABLE numbers;
DROP TABLE event_fields;
DROP TABLE events;
