"""Import of server logs: files told apart by their content, read piece by piece, stored with their seals."""
