"""The demo: an invented database is emptied, dropped and damaged for real, and brought back by tovgov."""
