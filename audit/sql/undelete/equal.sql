{a} {operator} {b}
