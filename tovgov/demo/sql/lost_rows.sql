-- A clean-up whose second condition was forgotten: it should have asked for the ones that are not recurring.
DELETE FROM public."UserAvailability" WHERE "day_of_week" IN (4, 5)
