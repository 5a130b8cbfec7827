.mode list
PRAGMA foreign_keys = ON;
CREATE TABLE node(id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE page(
	id INTEGER PRIMARY KEY,
	node INTEGER NOT NULL REFERENCES node(id),
	state INTEGER,
	note TEXT,
	content BLOB
);
CREATE TABLE log(page INTEGER, was TEXT);
CREATE TRIGGER noted AFTER UPDATE OF note ON page BEGIN
	INSERT INTO log VALUES (old.id, substr(old.note, 1, 20));
END;

INSERT INTO node SELECT value, 'node' || value FROM generate_series(1, 100);

BEGIN;
WITH RECURSIVE draw(id, state) AS (
	VALUES (1, 16807)
	UNION ALL
	SELECT id + 1, state * 16807 % 2147483647 FROM draw WHERE id < @ROWS@
)
INSERT INTO page
SELECT id, 1 + state / 7 % 100, state,
	printf('%.*c note %d %x', state / 11 % 60, 'n', id, state),
	CASE WHEN state % 97 = 0 THEN zeroblob(state / 13 % 20000) ELSE CAST(state AS BLOB) END
FROM draw;
COMMIT;

CREATE INDEX page_state ON page(state);
CREATE INDEX page_note ON page(note COLLATE NOCASE, node);

SELECT count(*), sum(length(note)), sum(length(content)) FROM page;
SELECT name, count(*), min(state), max(note) FROM node JOIN page ON page.node = node.id
	GROUP BY name HAVING count(*) % 3 = 0 ORDER BY 2 DESC, 1 LIMIT 20;
SELECT a.node, count(*) FROM page a JOIN page b ON b.id = a.state % @ROWS@ AND b.node = a.node
	GROUP BY a.node ORDER BY 2 DESC, 1 LIMIT 10;
SELECT id, rank() OVER (PARTITION BY node ORDER BY state) AS place,
	lag(state, 2) OVER (ORDER BY note, id)
	FROM page ORDER BY place DESC, id LIMIT 10;
SELECT length(group_concat(note, ';')) FROM page;
SELECT sum(json_extract(j, '$.a[1]') + json_array_length(j, '$.a')) FROM (
	SELECT json_object('a', json_array(id, state, note), 'b', hex(note)) AS j FROM page);

UPDATE page SET note = upper(note) || note WHERE state % 5 = 0;
DELETE FROM page WHERE state % 11 = 0;
BEGIN;
UPDATE page SET note = NULL;
DELETE FROM log;
SAVEPOINT inner;
DELETE FROM page;
ROLLBACK TO inner;
ROLLBACK;
SELECT count(*), sum(length(note)) FROM page;
SELECT count(*), sum(page) FROM log;

CREATE VIRTUAL TABLE words USING fts5(note);
INSERT INTO words SELECT replace(note, 'nn', ' n') FROM page WHERE id % 4 = 0;
SELECT count(*) FROM words WHERE words MATCH 'note AND n*';
INSERT INTO words(words) VALUES ('optimize');
INSERT INTO words(words) VALUES ('integrity-check');
CREATE VIRTUAL TABLE boxes USING rtree(id, left, right, low, high);
INSERT INTO boxes SELECT id, state % 1000, state % 1000 + 5, state % 777, state % 777 + 9
	FROM page WHERE id % 3 = 0;
SELECT count(*) FROM boxes WHERE left > 100 AND right < 300 AND low > 50 AND high < 400;

ALTER TABLE page ADD COLUMN extra DEFAULT 'more';
ANALYZE;
VACUUM;
REINDEX;
PRAGMA integrity_check;
PRAGMA foreign_key_check;
SELECT count(*), sum(state), max(extra) FROM page;
