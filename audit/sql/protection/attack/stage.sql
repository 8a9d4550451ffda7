-- Invented tables of every shape that attempts need; they are made as the owner, before the policy.
CREATE TYPE attack_stage.mood AS ENUM ('glad', 'sad');
CREATE DOMAIN attack_stage.amount AS numeric(12, 2);
CREATE SEQUENCE attack_stage.ticket;
CREATE TABLE attack_stage.member (
    id    serial PRIMARY KEY,
    name  text NOT NULL,
    feels attack_stage.mood
);
CREATE TABLE attack_stage.payment (
    id      int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    member  int NOT NULL CONSTRAINT payment_member_fkey REFERENCES attack_stage.member ON DELETE CASCADE,
    amount  attack_stage.amount,
    weight  double precision,
    at      timestamptz,
    lasted  interval,
    receipt bytea,
    ticket  bigint DEFAULT pg_catalog.nextval('attack_stage.ticket')
);
CREATE TABLE attack_stage.note (code text CONSTRAINT note_pkey PRIMARY KEY, words text);
CREATE INDEX note_words ON attack_stage.note (words);
CREATE TABLE attack_stage.visit (day date, hits int) PARTITION BY RANGE (day);
CREATE TABLE attack_stage.january PARTITION OF attack_stage.visit FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE attack_stage.february PARTITION OF attack_stage.visit FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE attack_stage.building (id int, name text);
CREATE TABLE attack_stage.stadium (seats int) INHERITS (attack_stage.building);
CREATE VIEW attack_stage.rich AS SELECT * FROM attack_stage.payment WHERE amount > 100;
CREATE MATERIALIZED VIEW attack_stage.totals AS SELECT member, sum(amount) AS total FROM attack_stage.payment GROUP BY 1;
CREATE FUNCTION attack_stage.helper() RETURNS int LANGUAGE sql AS 'SELECT 1';
INSERT INTO attack_stage.member (name, feels) VALUES ('Noa', 'glad'), ('Dan', 'sad'), ('Tal', NULL);
INSERT INTO attack_stage.payment (member, amount, weight, at, lasted, receipt) VALUES
    (1, 10, 0.1, '2026-01-05 10:00:00.123456+02', '1 mon 2 days 03:04:05.6', '\x00ff'),
    (1, 500, 1e-300, '2026-06-01 12:00+00', '-1 day', '\x'),
    (2, 'NaN', 'NaN', 'infinity', NULL, NULL);
INSERT INTO attack_stage.note VALUES ('a', 'one'), ('b', NULL);
INSERT INTO attack_stage.visit VALUES ('2026-01-05', 1), ('2026-02-05', 2);
INSERT INTO attack_stage.building VALUES (1, 'Gate');
INSERT INTO attack_stage.stadium VALUES (2, 'North', 900);
SELECT pg_catalog.lo_from_bytea({large_object}, '\xcafe')
