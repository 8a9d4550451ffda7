"""Deleted rows put back: a dry run that really does it and takes it back, then the act itself, with a proof."""
