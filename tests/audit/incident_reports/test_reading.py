"""Reports are read line by line: what is placed is right, and nothing is dropped."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from audit.incident_reports.draft import STORY, UNPLACED, Draft
from audit.incident_reports.read import read
from audit.incident_reports.times import leading

SAMPLES = Path(__file__).parent / "samples"
BERLIN = ZoneInfo("Europe/Berlin")


def sample(name: str) -> tuple[str, Draft]:
    text = (SAMPLES / name).read_text()
    return text, read(text, zone=UTC, name=name)


def times(draft: Draft) -> list[str]:
    return [datetime.fromisoformat(event.at).astimezone(UTC).strftime("%d %H:%M:%S") for event in draft.events]


# --- whole reports ----------------------------------------------------------------------------------------------------


def test_a_report_with_a_table() -> None:
    text, draft = sample("sync-script.md")
    assert (draft.title, draft.severity, draft.target) == (
        "Incident report: the sync script emptied TovPlay", "critical", "TovPlay production"
    )  # fmt: skip
    assert draft.kind == "sync"
    assert times(draft) == ["01 02:13:00", "01 02:14:05", "01 09:40:00", "01 10:05:00", "01 23:50:00", "02 00:20:00"]
    assert draft.events[1].text == '`DELETE FROM "User"` removes 4,211 rows | one statement – delete log'
    assert "WHERE NOT EXISTS" in draft.events[-1].text
    assert set(draft.story) == {
        "summary", "impact", "root_causes", "contributing_factors", "went_well", "went_wrong", "lucky",
    }  # fmt: skip
    assert "### Why did nothing stop it?" in draft.story["root_causes"]
    assert [(one.text.split("\n")[0], one.is_done) for one in draft.actions] == [
        ("Take `DELETE` from the sync role", True),
        ("Alert when a table loses more than 10 % in an hour", False),
        ("Sync only into databases whose name ends with `_copy`", False),
        ("Pin the identity of each target.", False),
        ("Prove backups every night.", False),
    ]
    assert draft.lessons[0].cause == "It took whatever URL it found"
    left = [words for _, words in draft.unplaced(text)]
    assert left == [
        "| about noon | Support hears of it | |", "## Attendees", "Two people of the platform team, one of support.",
    ]  # fmt: skip


def test_its_stamps_are_told_or_guessed() -> None:
    _, draft = sample("sync-script.md")
    assert draft.stamps["detected_at"] == "2026-03-01T09:40:00+00:00"
    assert set(draft.guessed) == {"began_at", "mitigated_at", "resolved_at"}
    assert draft.stamps["resolved_at"] == "2026-03-02T00:20:00+00:00"
    assert any("next day" in note for note in draft.notes)


def test_a_report_with_dated_headings_and_lists() -> None:
    text, draft = sample("dropped-twice.md")
    assert (draft.title, draft.severity, draft.target, draft.kind) == (
        "TovPlay was dropped twice", "critical", "TovPlay", "dropped database"
    )  # fmt: skip
    assert times(draft) == [
        "14 15:02:00", "14 16:04:00", "14 16:31:00", "14 18:50:00",
        "15 04:00:00", "15 04:01:00", "15 07:15:00", "15 08:30:00",
    ]  # fmt: skip
    assert 'dropdb: removing "TovPlay"' in draft.events[0].text
    assert "On call takes it." in draft.events[2].text
    assert draft.events[6].text == "Noticed by the first player"
    assert "## Resolution" in draft.story["summary"]
    assert draft.story["root_causes"].startswith("The job took a missing comment")
    assert [one.text for one in draft.actions] == [
        "Lock every production database against DROP", "A job that drops must name what it drops",
    ]  # fmt: skip
    assert [words for _, words in draft.unplaced(text)] == [
        "author: platform team", "> “I thought it was fixed,” was the sentence of the weekend."
    ]  # fmt: skip


def test_a_report_in_plain_text() -> None:
    _, draft = sample("wrong-name.txt")
    assert draft.kind == "wrong database"
    assert draft.stamps["began_at"] == "2026-01-10T08:00:00+00:00"
    assert draft.stamps["resolved_at"] == "2026-01-12T11:45:00+00:00"
    assert times(draft) == ["12 10:15:00", "12 10:40:00", "12 11:45:00"]
    assert draft.events[1].text.endswith("and they differ by two letters")
    assert [one.is_done for one in draft.actions] == [True, False, False]


def test_times_without_a_day_wait_for_one() -> None:
    text = "# Down\n\n## Timeline\n\n- 02:13 dropped\n- 02:20 noticed\n"
    draft = read(text, zone=BERLIN)
    assert draft.events == []
    assert "2 times have no day" in draft.notes[0]
    assert [words for _, words in draft.unplaced(text)] == ["- 02:13 dropped\n- 02:20 noticed"]
    again = read(text, zone=BERLIN, day=date(2026, 7, 1))
    assert [event.at for event in again.events] == ["2026-07-01T02:13:00+02:00", "2026-07-01T02:20:00+02:00"]
    named = read(text, zone=BERLIN, name="2026-07-01_down.md")
    assert named.events == again.events


def test_what_is_no_incident_is_known_as_such() -> None:
    assert not read("# Shopping\n\n- milk\n- bread\n", zone=UTC).is_incident()
    assert not read("Dear all,\n\nthe meeting is on Friday.\n", zone=UTC).is_incident()
    assert sample("wrong-name.txt")[1].is_incident()


def test_stamps_that_contradict_are_not_guessed() -> None:
    draft = read("# x\n\nStarted: 2026-03-01 12:00\n\n## Timeline\n\n- 2026-03-01 10:00 noticed\n", zone=UTC)
    assert draft.stamps == {"began_at": "2026-03-01T12:00:00+00:00"}


# --- times ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "at", "rest"),
    [
        ("2026-03-01 02:13 – gone", "2026-03-01T02:13:00+00:00", "gone"),
        ("2026-03-01T02:13:07Z gone", "2026-03-01T02:13:07+00:00", "gone"),
        ("**02:13:07.123** gone", "2026-02-28T02:13:07+00:00", "gone"),
        ("[2026/03/01 2:13 pm] gone", "2026-03-01T14:13:00+00:00", "gone"),
        ("1 March 2026, 02:13 CET: gone", "2026-03-01T02:13:00+01:00", "gone"),
        ("Mar 1st, 2026 at 02:13 gone", "2026-03-01T02:13:00+00:00", "gone"),
        ("Sunday, 01.03.2026 02:13 +05:30 gone", "2026-03-01T02:13:00+05:30", "gone"),
        ("13/03/2026 12:00 AM gone", "2026-03-13T00:00:00+00:00", "gone"),
        ("~02:13 the job runs", "2026-02-28T02:13:00+00:00", "the job runs"),
        ("02:13 – 02:20 gone", "2026-02-28T02:13:00+00:00", "02:20 gone"),
        ("02:13 API calls fail", "2026-02-28T02:13:00+00:00", "API calls fail"),
        ("02:13 EST", "2026-02-28T02:13:00-05:00", ""),
    ],
)
def test_times_as_people_write_them(words: str, at: str, rest: str) -> None:
    found = leading(words, day=date(2026, 2, 28), zone=UTC)
    assert found is not None
    assert found.at is not None
    assert (found.at.isoformat(), found.rest) == (at, rest)


@pytest.mark.parametrize(
    "words",
    ["03/04/2026 02:13 which day?", "25:00 late", "2026-13-01 x", "31.02.2026 x", "13:00 pm x", "May be", "12 rows"],
)
def test_what_is_no_certain_time(words: str) -> None:
    assert leading(words, day=date(2026, 2, 28), zone=UTC) is None


def test_a_zone_that_means_several_is_said() -> None:
    draft = read("# x\n\n## Timeline\n\n- 2026-03-01 10:00 IST noticed\n", zone=UTC)
    assert draft.events[0].at == "2026-03-01T10:00:00+00:00"
    assert "IST" in draft.notes[0]


# --- nothing is dropped -----------------------------------------------------------------------------------------------

LINES = st.sampled_from(
    [
        "# Title", "## Timeline", "## Impact", "### Odd one", "## Action items", "## Lessons learned", "### 2026-03-01",
        "### 2026-03-02 10:00 back", "", "", "    ", "---", "===", "```", "~~~", "> quoted", "words of a person",
        "- item", "  - inner", "1. one", "- [ ] open", "- [x] done", "  more of it", "- 02:13 dropped", "02:14 gone",
        "| Time | Event |", "|---|---|", "| 02:13 | x \\| y |", "| 02:14 |", "| a | b | c |", "[a]: https://example.org",
        "**Severity:** SEV1", "Detected: 2026-03-01 09:40", "title: t", "<script>alert(1)</script>", "\ttab", "* * *",
        "Date: 2026-03-01 and more", "| Problem | Solution |", "2026-03-01 a day", "- ", "1.",
        "| Started | 2026-03-01 10:00 |",
    ]
)  # fmt: skip


def told(draft: Draft) -> str:
    """Every word that the draft holds."""
    parts = [draft.title, draft.target, *draft.story.values(), *draft.notes]
    parts += [f"{event.when} {event.text}" for event in draft.events]
    parts += [one.text for one in draft.actions]
    parts += [f"{one.problem} {one.cause} {one.solution}" for one in draft.lessons]
    return " ".join(parts)


ODD = st.text(st.characters(exclude_characters="\n\r", exclude_categories=("Cs",)), max_size=30)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(LINES, LINES, ODD), max_size=30))
@example(["---", "title: a", "---", "---"])
@example(["| Time | Event |", "|---|---|", "x", "## Timeline", "| Time |", "|--|"])
@example(["- a", "", "", "- [ ] b", "   - [x] c", "d"])
def test_every_line_is_found_again(lines: list[str]) -> None:
    text = "\n".join(lines)
    draft = read(text, zone=UTC, day=date(2026, 3, 1))
    assert Draft.from_json(draft.as_json()) == draft
    at = 0
    for piece in draft.pieces:  # each line once, in order
        assert piece.start == at
        assert piece.end > at
        at = piece.end
    assert at == len(text.split("\n"))
    words = set(re.findall(r"\w+", told(draft)))
    left = "\n".join(words for _, words in draft.unplaced(text))
    for piece in draft.pieces:
        for line in text.split("\n")[piece.start : piece.end]:
            if piece.place == UNPLACED:
                assert not line.strip() or line in left
            elif piece.place in {"timeline", "action", "lesson", "title"} or piece.place.startswith(STORY):
                marks = set(re.findall(r"^\s*(\d+)[.)]", line)) | {"x", "X"}
                assert set(re.findall(r"\w+", line)) <= words | marks, line
            elif piece.place in {"blank", "rule"}:
                assert not line.strip(" -*_\t\f\v\u3000") or not re.search(r"\w", line)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=400))
def test_no_text_is_too_odd(text: str) -> None:
    draft = read(text, zone=BERLIN)
    assert sum(piece.end - piece.start for piece in draft.pieces) == len(text.split("\n"))


HOSTILE = ["[" * 20_000, "*a" * 50_000, "> " * 5_000 + "x", "|a" * 20_000 + "\n" + "|-" * 20_000, "- " * 3_000]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_markdown_ends(text: str) -> None:
    assert read(text, zone=UTC).pieces
