"""Post-mortems: started from the record, edited by many without losing a word, reviewed by somebody else, exported."""

from audit.incidents import HANDLE
from audit.postmortems.blame import Hint, hints
from audit.postmortems.compare import Line, compare
from audit.postmortems.export import FORMATS, Made, export
from audit.postmortems.write import (
    REVIEW,
    VIEW,
    ask_review,
    find,
    review,
    revision,
    save,
    send_back,
    settle,
    start,
)

__all__ = [
    "FORMATS",
    "HANDLE",
    "REVIEW",
    "VIEW",
    "Hint",
    "Line",
    "Made",
    "ask_review",
    "compare",
    "export",
    "find",
    "hints",
    "review",
    "revision",
    "save",
    "send_back",
    "settle",
    "start",
]
