"""Lessons: problem, cause and solution, kept where the next incident that resembles the old one finds them."""

from audit.lessons.register import KEEP, add, change, find, read_tags, restore, retire
from audit.lessons.resembling import Likeness, resembling

__all__ = ["KEEP", "Likeness", "add", "change", "find", "read_tags", "resembling", "restore", "retire"]
