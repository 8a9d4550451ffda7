CREATE SCHEMA kinds;
CREATE TYPE kinds.mood AS ENUM ('glad', 'it''s "sad"');
CREATE TYPE kinds.point3 AS (x float8, y numeric(8,3), note text);
CREATE DOMAIN kinds.positive AS int NOT NULL CHECK (VALUE > 0);
CREATE TYPE kinds.span AS RANGE (subtype = float8);
CREATE TABLE kinds.every (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    small smallint, big bigint, exact numeric(30, 10), any_exact numeric, single real, "double %s" float8, cash money,
    fixed char(7), word varchar(20), "Te""xt" text, one "char", raw bytea,
    at timestamp, at_zone timestamptz(3), day date, hour time, hour_zone timetz, much interval,
    yes boolean, feels kinds.mood, spot point, ring polygon,
    net cidr, host inet, card macaddr, bits bit(5), more_bits varbit,
    words tsvector, wish tsquery, id_ uuid, doc json, docb jsonb, mark xml,
    numbers int[], grid text[][], places kinds.point3[], place kinds.point3, strict kinds.positive,
    reach int4range, moments tstzmultirange, own kinds.span, relation regclass,
    doubled numeric GENERATED ALWAYS AS (any_exact * 2) STORED
);
INSERT INTO kinds.every VALUES (
    DEFAULT, -32768, 9223372036854775807, 12345678901234567890.0123456789, 'NaN', 1.17549435e-38, 1.7976931348623157e308,
    '-92233720368547758.08', 'ab', 'tab	and
line', E'quote " back \ slash \u0041 snow ☃', 'x', '\x00ff5c',
    'infinity', '2026-03-29 01:59:59.999+03', '4713-01-01 BC', '24:00:00', '23:59:59.999999+15:59', '-1 year 2 mons -3 days 04:05:06.7',
    true, 'it''s "sad"', '(1e-300,-0)', '((0,0),(1,1.1),(2,0))',
    '10.0.0.0/8', '::1/64', '08:00:2b:01:02:03', B'10101', B'',
    'fat:2A ''cat''s''', '!a & b:*', '00000000-0000-0000-0000-000000000001', '{"a":1, "a":  2, "n":1.50, "u":"\u00e9"}', '{"b":1e400}', NULL,
    '{}', '{{a,NULL},{"NULL","c,d"}}', ARRAY[ROW('NaN',1.5,NULL)::kinds.point3, NULL], ROW('-Infinity',NULL,'(")'), 5,
    '(,5]', '{[2026-01-01 00:00+00,2026-01-02 00:00+00),(2027-01-01 00:00+00,)}', '[0.1,0.30000000000000004)', 'kinds.every'
);
INSERT INTO kinds.every (strict, single, "double %s", any_exact, at, at_zone, much, doc, docb, fixed) VALUES
    (1, 'NaN', '-0', 'Infinity', '-infinity', '0044-03-15 12:00 BC', '178000000 years', '[]', '{}', ''),
    (1, '-Infinity', 'NaN', 0.000, '0001-01-01 BC', 'infinity', '0', '"text"', '"text"', NULL);
