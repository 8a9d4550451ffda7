"""A report read line by line. Each line is placed where it certainly belongs, or stays unplaced, word for word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta, tzinfo

from audit.incident_reports import guess
from audit.incident_reports.blocks import Block, blocks, without_marker
from audit.incident_reports.draft import STORY, UNPLACED, ActionDraft, Draft, Event, LessonDraft, Piece
from audit.incident_reports.headings import STAMPS, fact, fact_cells, place_of
from audit.incident_reports.times import Found, leading

TASK = re.compile(r"^\s*[-*+]\s+\[([ xX✓])\]\s+(.*)$")
TIME_COLUMN = re.compile(r"\W*(?:time|when|timestamp|utc|at|hour|clock|date ?/? ?time|time.*)\W*", re.IGNORECASE)
DATE_COLUMN = re.compile(r"\W*(?:date|day)\W*", re.IGNORECASE)
DONE_COLUMN = re.compile(r"\W*(?:status|state|done|progress)\W*", re.IGNORECASE)
DONE = re.compile(r"\W*(?:done|x|yes|✓|✅|complete[d]?|closed|finished)\W*", re.IGNORECASE)
LESSON_COLUMNS = {"problem": r".*(?:problem|issue|what happened|gap).*", "cause": r".*(?:cause|why).*"}
HEADLESS = re.compile(r"summary|overview|abstract|tl;?dr|what happened|description|synopsis", re.IGNORECASE)
PREAMBLE = "preamble"
LONGEST_TITLE = 255
HALF_DAY = timedelta(hours=12)


def read(text: str, *, zone: tzinfo, day: date | None = None, name: str = "") -> Draft:
    """The draft of a report. ``day`` is that of clock times without a date, ``name`` the file's (a date in it is a day
    too), ``zone`` that of times that name none."""
    reading = _Reading(text.split("\n"), zone, day or guess.day_of(name))
    for block in blocks(text):
        getattr(reading, f"on_{block.kind}")(block)
    draft = reading.draft
    draft.title = draft.title or name or "Imported report"
    draft.notes += reading.told()
    guess.complete(draft, text)
    return draft


class _Reading:
    """Where the reading stands: the section, the day, the timeline's newest line."""

    def __init__(self, lines: list[str], zone: tzinfo, day: date | None) -> None:
        self.lines, self.zone, self.day = lines, zone, day
        self.draft = Draft()
        self.place = PREAMBLE
        self.level = 0
        self.event: Event | None = None
        self.last: Found | None = None
        self.undated = 0
        self.odd: set[str] = set()
        self.nights = 0

    # --- blocks ------------------------------------------------------------------------------------------------------

    def on_gap(self, block: Block) -> None:
        self.put(block.start, block.end, "blank")

    def on_rule(self, block: Block) -> None:
        self.put(block.start, block.end, "rule")

    def on_other(self, block: Block) -> None:
        """Code, quotations and whatever else: words of the section they stand in."""
        self.content(block.start, block.end)

    def on_front(self, block: Block) -> None:
        """Facts before the text. The two ``---`` are structure."""
        for at in range(block.start, block.end):
            line = self.lines[at]
            if line.strip() in {"---", ""}:
                self.put(at, at + 1, "rule")
            elif line.lower().startswith("title:") and not self.draft.title:
                self.title(line[6:].strip().strip("\"'"), at, at + 1, "fact.title")
            elif not self.is_fact(fact(line), at):
                self.put(at, at + 1, UNPLACED)

    def on_heading(self, block: Block) -> None:
        self.event = None
        words = block.words.strip()
        found = leading(words, day=self.day, zone=self.zone)
        place = place_of(words)
        if not self.draft.title and not place and (found is None or not found.has_clock):
            self.title(words, block.start, block.end)
            self.level = block.level
        elif found is not None and not place and self.place in {PREAMBLE, "timeline", ""} | {"summary"}:
            self.dated(found, block)
        elif place:
            self.section(place, block)
        elif self.place not in {PREAMBLE, ""} and block.level > self.level:
            self.content(block.start, block.end)
        else:
            self.place, self.level = "", block.level
            self.put(block.start, block.end, UNPLACED)

    def on_paragraph(self, block: Block) -> None:
        if self.place not in {"timeline", PREAMBLE, "", "summary"}:
            self.content(block.start, block.end)
            return
        start = block.start
        for at in range(block.start, block.end):
            line = self.lines[at]
            if at > start and (self.look(line) or fact(line)):
                self.content(start, at)
                start = at
            is_taken = self.place in {"timeline", PREAMBLE, ""} and self.is_event(line, at, at + 1)
            if is_taken or self.is_fact(fact(line), at):
                start = at + 1
        if start < block.end:
            self.content(start, block.end)

    def on_list(self, block: Block) -> None:
        for start, end in block.parts:
            words = without_marker(self.lines[start:end])
            if any(TASK.match(line) for line in self.lines[start:end]):
                self.tasks(start, end)
            elif self.place in {"timeline", PREAMBLE, ""} and self.is_event(words, start, end):
                continue
            elif "\n" in words or not self.is_fact(fact(words), start, end):
                self.content(start, end)

    def on_table(self, block: Block) -> None:
        head = block.cells[0] if block.cells else []
        clock, day = _column(head, TIME_COLUMN), _column(head, DATE_COLUMN)
        is_facts = len(head) == 2 and any(fact_cells(row) for row in block.cells)
        if clock is None and self.place == "timeline":
            clock = day if day is not None else 0
        if is_facts and self.place in {PREAMBLE, "", "summary"}:
            self.rows(block, lambda at, row: self.is_fact(fact_cells(row), at), with_head=True)
        elif clock is not None and self.place in {"timeline", PREAMBLE, ""} and self.has_times(block, clock, day):
            self.rows(block, lambda at, row: self.is_row(at, row, clock, day))
        elif self.place == "actions" and len(block.parts) > 1:
            done = _column(head, DONE_COLUMN)
            self.rows(block, lambda at, row: self.action_row(at, row, done))
        elif self.place == "lessons" and len(block.parts) > 1:
            self.rows(block, lambda at, row: self.lesson_row(at, row, head))
        else:
            self.content(block.start, block.end)

    # --- rows of tables ----------------------------------------------------------------------------------------------

    def rows(self, block: Block, place: object, *, with_head: bool = False) -> None:
        """Offer each row to ``place``; the header and the ruler are structure. What it does not take is content."""
        first = block.parts[0][0]
        taken = with_head and place(first, block.cells[0])  # type: ignore[operator]
        if not taken:
            self.put(first, first + 1, "table head")
        at = first + 1
        for (start, _), row in zip(block.parts[1:], block.cells[1:], strict=True):
            if start > at:
                self.put(at, start, "table head")
            if not place(start, row):  # type: ignore[operator]
                self.put(start, start + 1, UNPLACED)
            at = start + 1
        if at < block.end:
            self.put(at, block.end, "table head" if at == first + 1 else UNPLACED)

    def has_times(self, block: Block, clock: int, day: int | None) -> bool:
        """At least half of the rows begin with a time."""
        rows = block.cells[1:]
        found = [row for row in rows if clock < len(row) and self.look(_time_words(row, clock, day))]
        return bool(rows) and 2 * len(found) >= len(rows)

    def is_row(self, at: int, row: list[str], clock: int, day: int | None) -> bool:
        used = {clock} if day is None or day == clock else {clock, day}
        rest = " – ".join(cell for place, cell in enumerate(row) if place not in used and cell.strip())
        words = _time_words(row, clock, day)
        found = self.look(words)
        if found is None or not (found.rest or rest):
            return False
        return self.add_event(found, " – ".join(filter(None, [found.rest, rest])), at, at + 1, when=words)

    def action_row(self, at: int, row: list[str], done: int | None) -> bool:
        is_done = done is not None and done < len(row) and bool(DONE.fullmatch(row[done]))
        return self.add_action(" – ".join(cell for cell in row if cell.strip()), is_done, at, at + 1)

    def lesson_row(self, at: int, row: list[str], head: list[str]) -> bool:
        named: dict[str, list[str]] = {"problem": [], "cause": [], "solution": []}
        for label, cell in zip(head, row, strict=False):
            fits = (name for name, words in LESSON_COLUMNS.items() if re.fullmatch(words, label, re.IGNORECASE))
            named[next(fits, "solution")].append(cell)
        problem, cause, solution = ("\n".join(filter(None, words)).strip() for words in named.values())
        return self.add_lesson(solution or problem or cause, at, at + 1, problem=problem, cause=cause)

    # --- what a block becomes ----------------------------------------------------------------------------------------

    def title(self, words: str, start: int, end: int, place: str = "title") -> None:
        self.draft.title = words
        self.put(start, end, place)
        self.day = self.day or guess.day_of(words)

    def section(self, place: str, block: Block) -> None:
        self.place, self.level = place, block.level
        is_story = place not in {"timeline", "actions", "lessons"}
        is_other = place == "summary" and not HEADLESS.search(block.words)
        if is_story and (is_other or self.draft.story.get(place)):
            self.content(block.start, block.end)  # two sections in one field: the second keeps its heading
        else:
            self.put(block.start, block.end, "heading")

    def dated(self, found: Found, block: Block) -> None:
        """A heading that begins with a time, or is a day."""
        if self.place != "timeline":
            self.place, self.level = "timeline", block.level
        if found.has_clock and self.add_event(found, found.rest, block.start, block.end):
            return
        if found.day is not None:
            self.day = found.day
            if not found.rest:
                self.put(block.start, block.end, "heading")
                return
            words = f"{found.rest} (time of day not known)"
            if self.add_event(found, words, block.start, block.end):
                return
        self.put(block.start, block.end, UNPLACED)

    def tasks(self, start: int, end: int) -> None:
        """Each box of a check list with the lines below it."""
        starts = [at for at in range(start, end) if TASK.match(self.lines[at])]
        if starts[0] > start:
            self.content(start, starts[0])
        for at, after in zip(starts, [*starts[1:], end], strict=True):
            hit = TASK.match(self.lines[at])
            words = "\n".join([hit[2] if hit else "", *(line.strip() for line in self.lines[at + 1 : after])])
            if not self.add_action(words, bool(hit and hit[1] != " "), at, after):
                self.put(at, after, UNPLACED)

    def content(self, start: int, end: int) -> None:
        """Lines that are just words: of the story, of the line of the timeline above them, or of nothing known."""
        words = "\n".join(self.lines[start:end])
        place = "summary" if self.place == PREAMBLE else self.place
        if not words.strip():
            self.put(start, end, "blank")
        elif place == "timeline":
            if self.event is None:
                self.put(start, end, UNPLACED)
            else:
                self.event.text += f"\n{words}"
                self.put(start, end, "timeline")
        elif place == "actions":
            is_item = not words.rstrip().endswith(":") and words.lstrip()[:1] not in "#|`~>"
            if not (is_item and self.add_action(without_marker(self.lines[start:end]), False, start, end)):
                self.put(start, end, UNPLACED)
        elif place == "lessons":
            is_item = not words.rstrip().endswith(":") and words.lstrip()[:1] not in "#|`~>"
            if not (is_item and self.add_lesson(without_marker(self.lines[start:end]), start, end)):
                self.put(start, end, UNPLACED)
        elif place:
            before = self.draft.story.get(place, "")
            self.draft.story[place] = f"{before}\n\n{words}" if before else words
            self.put(start, end, f"{STORY}{place}")
        else:
            self.put(start, end, UNPLACED)

    def is_event(self, words: str, start: int, end: int) -> bool:
        """Whether these lines begin with a clock time, or a date in the timeline, and tell something."""
        first, _, more = words.partition("\n")
        found = self.look(first)
        if found is None or not (found.rest or more) or not (found.has_clock or self.place == "timeline"):
            return False
        vague = "" if found.has_clock else " (time of day not known)"
        return self.add_event(found, "\n".join(filter(None, [found.rest + vague, more])), start, end)

    def look(self, words: str) -> Found | None:
        return leading(words, day=self.day, zone=self.zone)

    def add_event(self, found: Found, text: str, start: int, end: int, when: str = "") -> bool:
        if found.at is None:
            self.undated += 1
            self.event = None
            return False
        at = found.at
        if found.day is not None:
            self.day = found.day
        elif self.last is not None and self.last.at is not None and at < self.last.at - HALF_DAY:
            at += timedelta(days=1)  # the clock went past midnight
            self.day = at.date()
            self.nights += 1
        if found.odd_zone:
            self.odd.add(found.odd_zone)
        self.last = Found(at, found.day, found.has_clock, found.when, found.rest)
        self.event = Event(at.isoformat(), text, when or found.when)
        self.draft.events.append(self.event)
        self.put(start, end, "timeline")
        return True

    def add_action(self, words: str, is_done: bool, start: int, end: int) -> bool:
        if not words.strip():
            return False
        self.draft.actions.append(ActionDraft(words.strip(), is_done))
        self.put(start, end, "action")
        return True

    def add_lesson(self, words: str, start: int, end: int, *, problem: str = "", cause: str = "") -> bool:
        if not words.strip():
            return False
        self.draft.lessons.append(LessonDraft(problem, words.strip(), cause))
        self.put(start, end, "lesson")
        return True

    def is_fact(self, found: tuple[str, str] | None, start: int, end: int | None = None) -> bool:
        """Whether a known fact was taken: a stamp with its time, the day, the severity, the target."""
        if found is None:
            return False
        name, value = found
        when = leading(value, day=self.day, zone=self.zone) if name in STAMPS or name == "date" else None
        if name in STAMPS:
            is_taken = when is not None and when.at is not None and when.has_clock and name not in self.draft.stamps
            if is_taken and when is not None and when.at is not None:
                self.draft.stamps[name] = when.at.isoformat()
                self.draft.notes += [f"{name}: {when.rest}"] if when.rest else []
        elif name == "date":
            is_taken = when is not None and when.day is not None and not when.rest
            if when is not None and when.day is not None:
                self.day = when.day
        elif name == "severity":
            is_taken = bool(guess.severity_of(value)) and not guess.severity_rest(value)
            self.draft.severity = guess.severity_of(value) or self.draft.severity
        else:
            is_taken = name == "target" and not self.draft.target and len(value) <= LONGEST_TITLE
            self.draft.target = value if is_taken else self.draft.target
        if is_taken:
            self.put(start, start + 1 if end is None else end, f"fact.{name}")
        return is_taken

    def put(self, start: int, end: int, place: str) -> None:
        """Say where lines went; neighbours of one place become one piece."""
        pieces = self.draft.pieces
        if pieces and pieces[-1].place == place and place in {UNPLACED, "blank"} and pieces[-1].end == start:
            pieces[-1].end = end
        elif end > start:
            pieces.append(Piece(start, end, place))

    def told(self) -> Sequence[str]:
        """What a person should know of the times."""
        notes = []
        if self.undated:
            notes.append(f"{self.undated} times have no day: give the day, and read it again.")
        if self.odd:
            notes.append(f"{', '.join(sorted(self.odd))}: this means several time zones; {self.zone} was taken.")
        if self.nights:
            notes.append("Where the clock went back by half a day, the next day was taken.")
        return notes


def _column(head: Sequence[str], fits: re.Pattern[str]) -> int | None:
    return next((place for place, label in enumerate(head) if fits.fullmatch(label)), None)


def _time_words(row: Sequence[str], clock: int, day: int | None) -> str:
    """The day's cell before the clock's."""
    words = row[clock] if clock < len(row) else ""
    return f"{row[day]} {words}".strip() if day is not None and day != clock and day < len(row) else words
