NOT EXISTS (SELECT FROM {stage} AS p WHERE {match})
