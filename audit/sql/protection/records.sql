SELECT object, before FROM tovgov.protection_record WHERE rule OPERATOR(pg_catalog.=) {rule} ORDER BY object
