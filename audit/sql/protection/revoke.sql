{scope}REVOKE {option}{verbs} ON {object} FROM {grantee}{cascade}
