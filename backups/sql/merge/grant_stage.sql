GRANT SELECT ON {stage} TO {role}
