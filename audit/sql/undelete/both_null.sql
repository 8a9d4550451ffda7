({a} IS NULL AND {b} IS NULL)
