OWNER {value}
