-- The publisher's slot is the live database's; this copy of the subscription never had one.
ALTER SUBSCRIPTION {subscription} SET (slot_name = NONE)
