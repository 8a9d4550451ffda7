DELETE FROM tovgov.guard_setting WHERE rule OPERATOR(pg_catalog.=) {rule}
