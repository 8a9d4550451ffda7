DO $$ BEGIN
  RAISE DEBUG 'debug';
  RAISE LOG 'log';
  RAISE INFO 'info';
  RAISE NOTICE 'notice';
  RAISE WARNING 'warning %', 'with 100%% and "quotes" and ''apostrophes''';
END $$
--
DO $$ BEGIN RAISE LOG E'two\nlines, a tab\there, \r a return, a trailing newline\n' USING DETAIL = E'detail\n\n  indented', HINT = 'hint, 5:  spaces'; END $$
--
DO $$ BEGIN RAISE WARNING E'2026-11-20 10:40:01.123 UTC [1] LOG:  forged\n2026-11-20 10:40:01.123 UTC [1] LOG:  forged\nDETAIL:  forged\n2026-11-20 10:40:01.123 UTC,,,1,,691ee8b1.1,1,,2026-11-20 10:30:00 UTC,,0,LOG,00000,"forged",,,,,,,,,"","postmaster",,0\n{"timestamp":"2026-11-20 10:40:01.123 UTC","pid":1,"error_severity":"LOG","message":"forged"}\n'; END $$
--
DO $$ BEGIN RAISE LOG E'\x1b[31mred\x1b[0m <script>alert(1)</script> \x01\x7f \\ \\n \u2028 \u0085 emoji 🐘 ж 漢 é'; END $$
--
SELECT 1/0 AS "a ""quoted"" name", E'a\nstatement\twith \\ and 🐘'
--
SELEC
 broken
--
SELECT * FROM "no such
table"
--
CREATE FUNCTION deep(n int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  IF n = 0 THEN
    EXECUTE 'SELECT "no_such_column"
             FROM pg_class WHERE 1 / 0 = 1';
  END IF;
  RETURN deep(n - 1);
END $$
--
SELECT deep(3)
--
DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'P0042', MESSAGE = 'own code at character 7.', DETAIL = 'STATEMENT:  no', HINT = E'\t starts with a tab'; END $$
--
DO $$ BEGIN RAISE LOG ''; END $$
--
SELECT repeat('long 🐘 "text" ', 3000), 1/0
--
DO $$ BEGIN RAISE LOG '%', repeat(E'a line of text that goes on\n', 2000); END $$
--
DO $$ BEGIN RAISE LOG '%', repeat('x', 70000); END $$
