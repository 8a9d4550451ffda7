"""The attempts, a file for each group of the same shape. To add one, add a line to a group."""
