ALTER ROLE {role} {word}
