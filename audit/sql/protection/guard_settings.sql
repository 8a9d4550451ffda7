SELECT rule, name, value FROM tovgov.guard_setting
