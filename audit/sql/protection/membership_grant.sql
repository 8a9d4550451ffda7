GRANT {role} TO {member}{options} GRANTED BY {grantor}
