parent.{parent_column} OPERATOR({schema}.{operator}) child.{column}
