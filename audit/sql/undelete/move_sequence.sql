SELECT pg_catalog.setval({sequence}, {value}, true)
