-- The club's two roles: one owns the database, one is what its application signs in as.
CREATE ROLE tovplay_owner LOGIN PASSWORD {tovplay_owner};
CREATE ROLE tovplay_app LOGIN PASSWORD {tovplay_app};

-- tovgov's three roles, none a superuser: docs/targets.md explains each right.
CREATE ROLE tovgov_watch LOGIN BYPASSRLS PASSWORD {tovgov_watch};
GRANT pg_read_all_data, pg_monitor TO tovgov_watch;
CREATE ROLE tovgov_backup LOGIN BYPASSRLS PASSWORD {tovgov_backup};
GRANT pg_read_all_data TO tovgov_backup;
CREATE ROLE tovgov_operate LOGIN CREATEDB PASSWORD {tovgov_operate};
GRANT tovplay_owner, pg_signal_backend, pg_read_all_data, pg_read_all_settings TO tovgov_operate;
GRANT tovplay_app TO tovgov_operate;  -- it has settings of its own in the database
