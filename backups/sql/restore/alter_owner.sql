ALTER {kind} {object} OWNER TO {role}
