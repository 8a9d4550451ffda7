"""PostgreSQL's server logs as text: their formats, records and classes. Knows no model and opens no connection."""
