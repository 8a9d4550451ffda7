SET search_path = pg_catalog, pg_temp;
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET extra_float_digits = 1;
SET bytea_output = 'hex';
SET timezone = 'UTC'
