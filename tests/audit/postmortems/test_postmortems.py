"""Post-mortems: filled from the record, edited by two without losing a word, reviewed by somebody else, exported."""

from __future__ import annotations

import io
from pathlib import Path

import pypdf
import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from audit import action_items, lessons, postmortems
from audit.actors import Actor
from audit.exceptions import (
    FilterInvalid,
    NoSuchPostMortem,
    NotPermitted,
    PostMortemEmpty,
    PostMortemMisfit,
    PostMortemOwn,
    PostMortemTooLong,
    PostMortemUnsettled,
    ReasonMissing,
)
from audit.models import Incident, IncidentLoss, LedgerEntry, PostMortem, PostMortemRevision, TimelineLine
from tests import factories
from tests.cast import Cast

pytestmark = pytest.mark.django_db
Printed = pytest.CaptureFixture[str]


@pytest.fixture
def incident() -> Incident:
    """A night's deletes with stamps, a loss and a timeline."""
    began = factories.ago(hours=5)
    row: Incident = factories.IncidentFactory(
        number=12, opened_by="alice", lead_name="miriam", began_at=began, detected_at=factories.ago(hours=3),
        summary="A job that miriam had planned removed rows | and more <b>.", causes=["script", "wrong place"],
        root_causes="The job read the wrong name.", lost_rows=120, returned_rows=118, lost_seconds=90.0,
    )  # fmt: skip
    IncidentLoss.objects.create(
        incident=row, table="public.users", rows_before=500, rows_after=380, lost=120, returned=118, basis="Counted."
    )
    for minutes, text in ((0, "120 rows deleted"), (5, "alice looked at the application")):
        TimelineLine.objects.create(
            incident=row, at=factories.ago(minutes=300 - minutes), kind="delete", text=text, added_by="alice"
        )
    hidden = {"hidden_at": factories.ago(hours=1), "hidden_by": "alice", "hidden_why": "Not ours."}
    TimelineLine.objects.create(incident=row, at=began, kind="note", text="hidden words", added_by="alice", **hidden)
    return row


@pytest.fixture
def row(incident: Incident, asker: Actor) -> PostMortem:
    return postmortems.start(incident, actor=asker)


# --- the first text ---------------------------------------------------------------------------------------------------


def test_the_first_text_is_filled_from_the_record(row: PostMortem) -> None:
    for words in (
        "## Summary", "| public.users | 500 | 380 | 120 | 118 | Counted. |", "Rows lost: 120. Rows that came back: 11",
        "| Time to detect | 2 h |", "120 rows deleted", "- A script or a job did it", "The job read the wrong name.",
        "## What went well", "*What helped?*", "1 min", "## Lessons",
    ):  # fmt: skip
        assert words in row.text
    assert "hidden words" not in row.text


def test_people_appear_as_roles(row: PostMortem) -> None:
    assert "A job that the lead had planned" in row.text
    assert "the reporter looked at the application" in row.text
    assert "miriam" not in row.text
    assert "alice" not in row.text


def test_action_items_and_lessons_stand_in_it(incident: Incident, cast: Cast) -> None:
    alice = cast.actor("alice")
    action_items.add("Ask alice to lock | it", incident=incident, actor=alice)
    lessons.add("No lock", "Lock <it>", incident=incident, actor=alice)
    row = postmortems.start(incident, actor=alice)
    assert "| Ask the reporter to lock \\| it | Open | – |  |" in row.text
    assert "| No lock |  | Lock \\<it> |" in row.text
    page = postmortems.export(row, "html", actor=alice).data.decode()
    assert "Lock &lt;it&gt;" in page.split("From the record")[1]


def test_markup_of_the_record_stays_text(row: PostMortem) -> None:
    assert "&lt;b>" in row.text


def test_there_is_one_post_mortem_an_incident(row: PostMortem, incident: Incident, cast: Cast) -> None:
    assert postmortems.start(incident, actor=cast.actor("miriam")) == row
    assert row.revisions.get().onto == 0
    assert LedgerEntry.objects.filter(action="postmortem.start").count() == 1


def test_an_auditor_starts_none(incident: Incident, cast: Cast) -> None:
    with pytest.raises(NotPermitted):
        postmortems.start(incident, actor=cast.actor("charlie"))
    with pytest.raises(NoSuchPostMortem):
        postmortems.find(incident)


def test_an_empty_record_gives_questions() -> None:
    bare = factories.IncidentFactory(target=None, reason="", detected_at=None)
    text = postmortems.start(bare, actor=Actor.system("tests")).text
    assert "*What happened, in three sentences?*" in text
    assert "The timeline is still empty." in text
    assert "No loss was computed. Rows lost: not known." in text


# --- two editors ------------------------------------------------------------------------------------------------------


def test_two_editors_lose_nothing(row: PostMortem, cast: Cast) -> None:
    alice, bob = cast.actor("alice"), cast.actor("bob")
    first = postmortems.save(row, "Words of Alice", version=1, actor=alice)
    other = PostMortem.objects.get(pk=row.pk)
    second = postmortems.save(other, "Words of Bob", version=1, actor=bob)
    assert (first.is_beside, second.is_beside, second.onto) == (False, True, 1)
    row.refresh_from_db()
    assert (row.text, row.version, row.edited_by) == ("Words of Alice", 2, "alice")
    assert postmortems.revision(row, 3).text == "Words of Bob"
    third = postmortems.save(row, "Words of both", version=2, actor=bob)
    assert (third.number, row.version, row.text) == (4, 4, "Words of both")


def test_the_same_text_makes_no_revision(row: PostMortem, asker: Actor) -> None:
    assert postmortems.save(row, row.text.replace("\n", "\r\n"), version=1, actor=asker).number == 1
    assert postmortems.save(row, row.text, version=0, actor=asker).number == 1
    assert row.revisions.count() == 1


def test_what_stands_beside_is_settled_before_a_review(row: PostMortem, cast: Cast) -> None:
    alice = cast.actor("alice")
    postmortems.save(row, "a", version=1, actor=alice)
    postmortems.save(row, "b", version=1, actor=cast.actor("bob"))
    with pytest.raises(PostMortemUnsettled):
        postmortems.ask_review(row, actor=alice)
    postmortems.settle(row, 3, actor=alice)
    postmortems.settle(row, 3, actor=alice)
    postmortems.ask_review(row, actor=alice)
    assert row.revisions.get(number=3).settled_by == "alice"
    assert LedgerEntry.objects.filter(action="postmortem.settle").count() == 1


@pytest.mark.parametrize("text", ["", " \n\t", "\0"])
def test_an_empty_text_is_refused(row: PostMortem, asker: Actor, text: str) -> None:
    with pytest.raises(PostMortemEmpty):
        postmortems.save(row, text, version=1, actor=asker)


def test_a_novel_is_refused(row: PostMortem, asker: Actor) -> None:
    with pytest.raises(PostMortemTooLong):
        postmortems.save(row, "x" * 500_001, version=1, actor=asker)


def test_odd_characters_do_no_harm(row: PostMortem, asker: Actor) -> None:
    postmortems.save(row, "a\0b\ud800\r\nc\x1b[0m", version=1, actor=asker)
    assert PostMortem.objects.get(pk=row.pk).text == "ab?\nc\x1b[0m"


def test_the_ledger_keeps_the_hash_of_each_text(row: PostMortem, asker: Actor) -> None:
    saved = postmortems.save(row, "New words", version=1, actor=asker)
    entry = LedgerEntry.objects.get(action="postmortem.save")
    assert (entry.detail["revision"], entry.detail["onto"], len(entry.detail["sha256"])) == (saved.number, 1, 64)


def test_an_auditor_writes_nothing(row: PostMortem, cast: Cast) -> None:
    with pytest.raises(NotPermitted):
        postmortems.save(row, "x", version=1, actor=cast.actor("charlie"))


# --- the review -------------------------------------------------------------------------------------------------------


def test_another_person_reviews(row: PostMortem, cast: Cast) -> None:
    postmortems.ask_review(row, actor=cast.actor("alice"))
    postmortems.review(row, version=1, actor=cast.actor("miriam"), note="Clear.")
    assert (row.state, row.reviewed_by, row.review_note) == ("reviewed", "miriam", "Clear.")


def test_the_last_editor_does_not_review(row: PostMortem, cast: Cast) -> None:
    postmortems.ask_review(row, actor=cast.actor("alice"))
    postmortems.save(row, "Bob's correction", version=1, actor=cast.actor("bob"))
    with pytest.raises(PostMortemOwn):
        postmortems.review(row, version=2, actor=cast.actor("bob"))
    postmortems.review(row, version=2, actor=cast.actor("alice"))


def test_the_database_forbids_reviewing_ones_own(row: PostMortem) -> None:
    who = {"state": "reviewed", "reviewed_by": "alice", "reviewed_at": factories.ago(hours=0)}
    with pytest.raises(IntegrityError, match="nobody_reviews_their_own"), transaction.atomic():
        PostMortem.objects.filter(pk=row.pk).update(**who)


def test_a_text_that_changed_meanwhile_is_not_reviewed(row: PostMortem, cast: Cast) -> None:
    postmortems.ask_review(row, actor=cast.actor("alice"))
    postmortems.save(row, "Later words", version=1, actor=cast.actor("alice"))
    with pytest.raises(PostMortemMisfit):
        postmortems.review(row, version=1, actor=cast.actor("miriam"))


def test_a_draft_is_not_reviewed(row: PostMortem, cast: Cast) -> None:
    with pytest.raises(PostMortemMisfit):
        postmortems.review(row, version=1, actor=cast.actor("miriam"))


def test_an_auditor_reviews_nothing(row: PostMortem, cast: Cast) -> None:
    postmortems.ask_review(row, actor=cast.actor("alice"))
    with pytest.raises(NotPermitted):
        postmortems.review(row, version=1, actor=cast.actor("charlie"))


def test_it_is_sent_back_with_a_reason(row: PostMortem, cast: Cast) -> None:
    postmortems.ask_review(row, actor=cast.actor("alice"))
    with pytest.raises(ReasonMissing):
        postmortems.send_back(row, actor=cast.actor("miriam"), reason=" ")
    postmortems.send_back(row, actor=cast.actor("miriam"), reason="Why did nothing notice?")
    assert (row.state, row.review_note, row.asked_by) == ("draft", "Why did nothing notice?", "")


def test_editing_a_reviewed_one_makes_it_a_draft(row: PostMortem, cast: Cast) -> None:
    postmortems.ask_review(row, actor=cast.actor("alice"))
    postmortems.review(row, version=1, actor=cast.actor("miriam"))
    postmortems.save(row, "One more fact", version=1, actor=cast.actor("miriam"))
    assert (row.state, row.reviewed_by, row.reviewed_at) == ("draft", "", None)


# --- hints ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "Bob deleted the rows.", "It was human error.", "He should have known.", "The operator was careless.",
        "The night shift forgot to look.", "It was the admin's fault.", "Obviously the name was wrong.",
    ],
)  # fmt: skip
def test_blaming_words_are_pointed_at(row: PostMortem, words: str) -> None:
    found = postmortems.hints(f"## Causes\n\n{words}\n", row.incident)
    assert [hint.line for hint in found] == [3]
    assert found[0].why
    assert found[0].instead


@pytest.mark.parametrize(
    "words",
    ["The job read the wrong name.", "`bob` deleted", "```\nDELETE FROM bob; -- lazy\n```", "bob@example.org"],
)  # fmt: skip
def test_plain_facts_and_code_are_not(row: PostMortem, words: str) -> None:
    assert postmortems.hints(words, row.incident) == []


def test_the_first_text_blames_nobody(row: PostMortem) -> None:
    assert postmortems.hints(row.text, row.incident) == []


# --- comparing --------------------------------------------------------------------------------------------------------


def test_compared_line_by_line() -> None:
    found = [(line.side, line.text) for line in postmortems.compare("a\nb\nc\nd", "a\nx\nc\nd")]
    assert found == [("both", "a"), ("left", "b"), ("right", "x"), ("both", "c"), ("both", "d")]
    assert [line.side for line in postmortems.compare("same", "same")] == ["both"]
    assert [line.side for line in postmortems.compare("a\na", "a")] == ["both", "left"]


def test_very_long_texts_are_compared_block_by_block() -> None:
    one, two = "\n".join(map(str, range(5000))), "\n".join(map(str, range(5000, 10_000)))
    found = postmortems.compare(f"top\n{one}\nend", f"top\n{two}\nend")
    assert (len(found), found[0].side, found[-1].side, found[1].side) == (10_002, "both", "both", "left")


# --- exports ----------------------------------------------------------------------------------------------------------


def test_each_format_holds_words_timeline_and_loss(row: PostMortem, cast: Cast) -> None:
    charlie = cast.actor("charlie")
    markdown = postmortems.export(row, "md", actor=charlie).data.decode()
    page = postmortems.export(row, "html", actor=charlie).data.decode()
    pdf = postmortems.export(row, "pdf", actor=charlie)
    text = " ".join(" ".join(one.extract_text() for one in pypdf.PdfReader(io.BytesIO(pdf.data)).pages).split())
    for found in (markdown, page, text):
        for words in ("Post-mortem of INC-12", "From the record", "public.users", "looked at the application"):
            assert words in found
        assert "hidden words" not in found
        assert "1 more are hidden" in found
    entry = LedgerEntry.objects.filter(action="postmortem.export").latest("number")
    assert (entry.actor, entry.detail["format"], entry.detail["sha256"]) == ("charlie", "pdf", pdf.sha256)


def test_no_other_format(row: PostMortem, asker: Actor) -> None:
    with pytest.raises(FilterInvalid):
        postmortems.export(row, "docx", actor=asker)


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_from_start_to_pdf(
    incident: Incident, cast: Cast, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("postmortem", "start", "12", "--as", "alice")
    call_command("postmortem", "show", "INC-12")
    text = capsys.readouterr().out
    assert "## Summary" in text
    file = tmp_path / "edited.md"
    file.write_text("﻿# Ours\n\nBob deleted it.\n", encoding="utf-8")
    call_command("postmortem", "import", "12", str(file), "--onto", "1", "--as", "alice")
    call_command("postmortem", "check", "12")
    assert "Bob" in capsys.readouterr().out
    call_command("postmortem", "ask", "12", "--as", "alice")
    call_command("postmortem", "review", "12", "--revision", "2", "--as", "miriam")
    call_command("postmortem", "export", "12", "--output", str(tmp_path), "--as", "charlie")
    assert (tmp_path / "post-mortem-INC-12.pdf").read_bytes().startswith(b"%PDF-")
    assert PostMortem.objects.get().state == "reviewed"


def test_the_command_keeps_what_came_second(
    row: PostMortem, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "edited.md"
    file.write_text("second")
    postmortems.save(row, "first", version=1, actor=Actor.system("tests"))
    with pytest.raises(SystemExit) as ended:
        call_command("postmortem", "import", "12", str(file), "--onto", "1", "--as", "alice")
    assert ended.value.code == 3
    assert "yours is kept as revision 3" in capsys.readouterr().err
    assert PostMortemRevision.objects.get(number=3).text == "second"


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", None])
def test_a_file_that_is_no_text(
    row: PostMortem, tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes | None
) -> None:
    if data is not None:
        (tmp_path / "f").write_bytes(data)
    with pytest.raises(SystemExit):
        call_command("postmortem", "import", "12", str(tmp_path / "f"), "--onto", "1", "--as", "alice")
    assert "postmortem.unreadable" in capsys.readouterr().err
