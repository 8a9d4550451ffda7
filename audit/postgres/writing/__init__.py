"""Putting rows into a database that is in use: whom to be, in which order, and what sequences must say afterwards."""
