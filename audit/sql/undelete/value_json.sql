coalesce({value}, 'null'::{type})
