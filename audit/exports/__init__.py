"""Exports of a filtered list as a file, each with its SHA-256. One file a format: ``csv``, ``jsonl``, ``xlsx``."""
