"""Import of what targets record about themselves: read without gaps, stored once, sealed, and pruned there."""
