"""The reports of audit: to add one, copy a file. Each has a ``REPORT``."""
