-- The same step as before: what counts is the lock, so that no one draws a number while it is moved, and that the
-- move is undone with the transaction.
ALTER SEQUENCE {sequence} INCREMENT BY {increment}
