"""Long lists: what can be asked of each, and how a page of ten million rows is found in milliseconds."""
