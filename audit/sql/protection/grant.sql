{scope}GRANT {verbs} ON {object} TO {grantee}{option}
