CREATE SUBSCRIPTION tovgov_second_lock CONNECTION 'dbname=tovgov_never_connected' PUBLICATION tovgov_nothing
    WITH (connect = false, slot_name = NONE)
