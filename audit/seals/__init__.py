"""Seals: each import source is a Merkle tree whose roots are signed and published, so that no entry changes unseen."""
