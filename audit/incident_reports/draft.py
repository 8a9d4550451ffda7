"""The draft that a report becomes: values, and for every line of the file the place it went to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

UNPLACED = "unplaced"
STORY = "story."
"""A piece's place is ``story.impact`` for words of the impact."""


@dataclass
class Piece:
    """The lines from ``start`` up to ``end`` (counted from 0, the end left out) went to ``place``."""

    start: int
    end: int
    place: str


@dataclass
class Event:
    """A line of the timeline. ``when`` is the time as it was written; ``at`` in ISO, empty when no day is known."""

    at: str
    text: str
    when: str = ""


@dataclass
class ActionDraft:
    text: str
    is_done: bool = False


@dataclass
class LessonDraft:
    problem: str
    solution: str
    cause: str = ""


@dataclass
class Draft:
    """What was read. ``stamps`` are ISO; ``guessed`` names those that come from the timeline, not from a fact."""

    title: str = ""
    kind: str = "other"
    severity: str = "warning"
    target: str = ""
    stamps: dict[str, str] = field(default_factory=dict)
    guessed: list[str] = field(default_factory=list)
    story: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    actions: list[ActionDraft] = field(default_factory=list)
    lessons: list[LessonDraft] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Draft:
        kinds: dict[str, Any] = {"events": Event, "actions": ActionDraft, "lessons": LessonDraft, "pieces": Piece}
        lists: dict[str, Any] = {name: [kind(**one) for one in facts[name]] for name, kind in kinds.items()}
        return cls(**facts | lists)

    def unplaced(self, text: str) -> Iterator[tuple[int, str]]:
        """What went nowhere, word for word, each with its first line (counted from 1); blank lines alone are none."""
        lines = text.split("\n")
        for piece in self.pieces:
            words = "\n".join(lines[piece.start : piece.end])
            if piece.place == UNPLACED and words.strip():
                yield piece.start + 1, words

    def is_incident(self) -> bool:
        """Whether anything in it is told as incidents are."""
        return bool(self.stamps or self.events or set(self.story) - {"summary"})
