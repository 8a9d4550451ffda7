DELETE FROM tovgov.protection_record
WHERE rule OPERATOR(pg_catalog.=) {rule} AND object OPERATOR(pg_catalog.=) {object}
