"""Evidence packs: one file that shows an auditor what happened to targets in a period, and how much of it is proved.

``ask`` holds the verbs, ``build`` writes a pack, ``verify`` checks one and needs nothing of tovgov.
"""
