-- A column for every kind of value and a table of every kind. Runs on 15 and later.
CREATE SCHEMA "Sch%1 ""x""; drop";
CREATE TYPE mood AS ENUM ('so so', 'great', 'größer');
CREATE TYPE point3 AS (x float8, y float8, note text);
CREATE DOMAIN "Straße" AS text CHECK (VALUE <> '');
CREATE TYPE span AS RANGE (subtype = float8);

CREATE TABLE every_type (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dropped_first int,
    f4 real, f8 double precision, n numeric, n2 numeric(12, 4), i2 smallint, m money,
    j json, jb jsonb, jp jsonpath,
    ia int[], ta text[], iaa int[][], c point3, ca point3[],
    r int4range, mr nummultirange, tr tstzrange, fr span,
    tsv tsvector, tsq tsquery,
    by bytea, iv interval, d date, ts timestamp, tz timestamptz, t time, ttz timetz,
    b bit(5), vb bit varying, ip inet, ci cidr, mac macaddr, mac8 macaddr8,
    mo mood, st "Straße", sta "Straße"[], u uuid, bo boolean, ch char(6), vc varchar(40), "one" "char", nm name,
    p point, li line, ls lseg, bx box, pa path, po polygon, cl circle,
    rc regclass, rp regprocedure, rt regtype, o oid, l pg_lsn, sn pg_snapshot,
    dropped_last text,
    doubled numeric GENERATED ALWAYS AS (n * 2) STORED
);
ALTER TABLE every_type DROP COLUMN dropped_first, DROP COLUMN dropped_last;
INSERT INTO every_type (
    f4, f8, n, n2, i2, m, j, jb, jp,
    ia, ta, iaa,
    c, ca, r, mr, tr, fr,
    tsv, tsq, by,
    iv, d, ts, tz, t, ttz,
    b, vb, ip, ci, mac, mac8, mo, st, sta, u, bo, ch, vc, one, nm,
    p, li, ls, bx, pa, po, cl, rc, rp, rt, o, l, sn)
SELECT
    g / 3.0, g / 7.0, g / 11.0, g, g, g::numeric::money, '{"b": 1, "a":  2, "a": 3}', '{"b": 1, "a": [null, 1.10]}', '$.a[*] ? (@ > 1)',
    ARRAY[g, NULL, -g], ARRAY['', 'NULL', NULL, 'a"b\c', '{,}'], ARRAY[[1, 2], [3, g]],
    ROW(g, 0.1, 'say "hi", \ (now)')::point3, ARRAY[ROW(1, NULL, '')::point3, NULL],
    int4range(1, g + 1), nummultirange(numrange(0, g), numrange(g + 1, NULL)), tstzrange('2026-03-29 00:30+00', NULL), span(0.1, g + 0.2),
    to_tsvector('simple', 'the cat''s ' || g), to_tsquery('simple', 'cat & !dog:*'), decode(md5(g::text), 'hex'),
    make_interval(months => g, days => -g, secs => g * 1.5), date '2026-02-28' + g,
    timestamp '1999-12-31 23:59:59.999999' + g * interval '1 h', timestamptz '2026-10-25 02:30+02' + g * interval '1 h',
    time '23:59:59.5', timetz '12:00:00.25+05:30',
    (g % 32)::bit(5), B'101', '2001:db8::1/64', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05',
    'größer', 'Grüße ' || g, ARRAY['é', 'e' || U&'\0301'], md5(g::text)::uuid, g % 2 = 0, 'ab', U&'\+01F409 \000A\0009', 'x', 'A name',
    point(g, 0.1), line '{1,2,3}', lseg '[(0,0),(1,1)]', box '((0,0),(2,2))', path '[(0,0),(1,2)]', polygon '((0,0),(1,1),(2,0))',
    circle '<(0,0),1.5>', 'every_type', 'lower(text)', 'integer', g, '16/B374D848', '10:20:10,14,15'
  FROM generate_series(1, 40) AS g;
INSERT INTO every_type DEFAULT VALUES;
INSERT INTO every_type (f4, f8, n, iv, d, ts, tz, ta, vc, ch, by) VALUES
    ('NaN', 'Infinity', 'NaN', '-1 year -2 mons +3 days -04:05:06.789', 'infinity', '-infinity', 'infinity', '{}', '', '', ''),
    ('-0', '-Infinity', 'Infinity', '178000000 years', '4713-01-01 BC', '294276-12-31 23:59:59.999999', '0044-03-15 12:00+00 BC', '[0:1]={a,b}', '\N', 'f', '\x00ff5c'),
    (1e-45, 4.9e-324, '-Infinity', '0', '0001-01-01', '2000-01-01', '1900-01-01 00:00+00', NULL, E'\x1f', E'\t', NULL),
    (3.4028235e38, 1.7976931348623157e308, 1e-1000, NULL, NULL, NULL, NULL, '{NULL}', 'null', NULL, '\x1f');

-- NULL and '' differ, and so do equal values in other columns.
CREATE TABLE nulls (a text, b text, c text);
INSERT INTO nulls VALUES (NULL, '', 'x'), ('', NULL, 'x'), ('x', NULL, NULL), (NULL, NULL, NULL), ('', '', '');

CREATE TABLE t (t text, "T" text, "a ""b""; c" text, "%s {x}" int);
INSERT INTO t SELECT 'x', 'y', 'z', g FROM generate_series(1, 10) AS g;
CREATE TABLE "Sch%1 ""x""; drop"."Tab %s {le} 🐘 ""q""" (id int PRIMARY KEY, "tableoid " text);
INSERT INTO "Sch%1 ""x""; drop"."Tab %s {le} 🐘 ""q""" VALUES (1, 'one'), (2, NULL);
CREATE TABLE no_columns ();
INSERT INTO no_columns DEFAULT VALUES;
INSERT INTO no_columns DEFAULT VALUES;
CREATE TABLE empty (id int);
CREATE UNLOGGED TABLE unlogged (id int);
INSERT INTO unlogged SELECT generate_series(1, 100);

CREATE TABLE parts (id int, at date, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE parts_old PARTITION OF parts FOR VALUES FROM (MINVALUE) TO ('2026-01-01') PARTITION BY HASH (id);
CREATE TABLE parts_old_0 PARTITION OF parts_old FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts_old_1 (v text, at date NOT NULL, id int NOT NULL);
ALTER TABLE parts_old ATTACH PARTITION parts_old_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE parts_rest PARTITION OF parts DEFAULT;
INSERT INTO parts SELECT g, date '2025-06-01' + g, 'v' || g FROM generate_series(1, 400) AS g;

CREATE TABLE parent (id int, a text);
CREATE TABLE child (own text) INHERITS (parent);
ALTER TABLE parent ADD COLUMN late text DEFAULT 'late';  -- a dump and restore gives child another order of columns
INSERT INTO parent VALUES (1, 'parent', 'x');
INSERT INTO child (id, a, own) VALUES (2, 'child', 'own');

CREATE MATERIALIZED VIEW stale AS SELECT count(*) FROM nulls;
INSERT INTO nulls VALUES ('after', 'the', 'refresh');
CREATE SEQUENCE "Seq ""1""" INCREMENT -2 START -5;
SELECT nextval('"Seq ""1"""'), nextval('"Seq ""1"""');
CREATE SEQUENCE untouched START 7;
SELECT lo_from_bytea(424201, 'hello'), lo_from_bytea(424202, decode(repeat('00ff', 1200000), 'hex')), lo_create(424203);
SELECT lo_put(424203, 3000000, 'beyond a hole');
