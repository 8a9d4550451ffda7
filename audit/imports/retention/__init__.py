"""Retention: imported entries are retired when they are older than their source keeps them, and nothing holds them."""
