-- The application starts anew, finds no games and writes those it ships with, as programs do at deployment.
INSERT INTO public."Game" ("name", "genre", "icon")
SELECT 'Game ' || n, 'unknown', '\x00' FROM generate_series(1, 12) AS n
