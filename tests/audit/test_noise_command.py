"""``manage.py noise``: the verbs from the command line."""

from __future__ import annotations

import pytest

from audit.models import NoiseFilter
from tests.audit.test_reviews_command import run
from tests.cast import Cast
from tests.factories import ServerLogGroupFactory, TargetFactory

pytestmark = pytest.mark.django_db


def test_a_filter_is_tried_added_listed_and_removed(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    ServerLogGroupFactory(target=TargetFactory(name="Club"), count=7)
    seen = run(capsys, "noise", "preview", "table members", "--target", "Club")
    assert (seen["groups"], seen["entries"], seen["critical"]) == (1, 7, [])
    words = ("members", "--target", "Club", "--class", "privilege-denied", "--reason", "Known.", "--as", "miriam")
    made = run(capsys, "noise", "add", *words)
    listed = run(capsys, "noise", "list")
    assert (listed["groups"], listed["entries"]) == (1, 7)
    assert [(row["id"], row["target"], row["is_active"]) for row in listed["filters"]] == [(made["id"], "Club", True)]
    assert run(capsys, "noise", "remove", made["id"], "--as", "miriam")["changed"] == 1
    assert not NoiseFilter.objects.get().is_active
    told = run(capsys, "noise", "minimum", "Club", "low", "--as", "miriam")
    assert told["minimum_severity"] == 20


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (("add", ".*", "--reason", "All.", "--as", "miriam"), 3, "noise.hides_critical"),
        (("add", "(", "--reason", "All.", "--as", "miriam"), 2, "noise.pattern_wrong"),
        (("add", "x", "--reason", "All.", "--as", "alice"), 3, "actor.not_permitted"),
        (("remove", "424242", "--as", "miriam"), 2, "noise.unknown"),
    ],
)
def test_what_does_not_fit_is_refused(
    words: tuple[str, ...], status: int, code: str, cast: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "noise", *words, status=status)["error"]["code"] == code


def test_a_person_reads_sentences(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    from django.core.management import call_command

    ServerLogGroupFactory()
    call_command("noise", "preview", "members|space left")
    said = capsys.readouterr().out
    assert "1 of the newest 1 groups, 2 entries; 1 groups are shown now." in said
    assert "Refused, because it would hide: could not" in said
    call_command("noise", "list")
    assert "Hidden: 0 groups with 0 entries." in capsys.readouterr().out
