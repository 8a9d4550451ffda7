-- Rows and content of one table, worked out by the demo itself and not by what it is to judge.
SELECT count(*), coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), '') FROM public.{table} AS t
