INSERT INTO tovgov.maintenance_window (rules, reason, opened_by, closes_at)
VALUES ({rules}, {reason}, {by}, {closes_at})
RETURNING id
