s.row::text
