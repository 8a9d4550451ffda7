-- People go on using the club: everyone offers one more evening.
INSERT INTO public."UserAvailability" ("user_id", "day_of_week", "slot_start", "slot_end")
SELECT "id", 2, '19:00', '21:00' FROM public."User"
