"""``restore`` and ``recover`` on the command line: the same guards, the same approval, documented exit statuses."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from audit import approvals
from audit.exceptions import ExitStatus
from audit.models import Approval, Environment
from backups.models import Restore, SwapState
from tests.backups.restore.conftest import Scene
from tovgov.demo import accidents

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("club")]


def command(*words: str, user: str = "alice", **options: Any) -> tuple[int, str, str]:
    """Exit status, stdout and stderr."""
    out, err = StringIO(), StringIO()
    try:
        call_command(*words, "--as", user, stdout=out, stderr=err, **options)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_restore_undo_redo_and_drop(scene: Scene) -> None:
    backup = scene.back_up()
    counts = scene.club.counts()
    scene.wipe()
    status, out, _ = command("restore", str(backup.pk), "--dry-run")
    assert (status, '"public"."User"' in out, "+23" in out) == (0, True, True)
    status, out, err = command("restore", "latest:TovPlay", "--reason", "It was emptied.", "--json")
    assert status == 0, err
    facts = json.loads(out)
    assert (facts["proved"], facts["swap"], facts["rows_after"]) == (True, "swapped", sum(counts.values()))
    number = str(facts["restore"])
    assert command("restore", "undo", number, "--reason", "look")[0] == 0
    assert set(scene.club.counts().values()) == {0}
    assert command("restore", "redo", number, "--reason", "back")[0] == 0
    assert scene.club.counts() == counts
    assert command("restore", "redo", number, "--reason", "again")[0] == ExitStatus.REFUSED
    assert command("restore", "drop-kept", number, "--reason", "done")[0] == 0
    assert scene.left_over() == set()


def test_dry_run_ends_with_refused_when_a_guard_would_refuse(scene: Scene) -> None:
    scene.wipe()
    backup = scene.back_up()
    accidents.drop_database(scene.club)
    scene.sql('CREATE DATABASE "TovPlay" OWNER tovplay_owner', database="postgres")
    status, out, _ = command("restore", str(backup.pk), "--dry-run", "--json")
    assert status == ExitStatus.REFUSED
    assert {f["code"] for f in json.loads(out)["findings"]} == {"", "target.wrong_incarnation"}


def test_production_asks_for_an_approval_and_starts_when_it_is_given(scene: Scene) -> None:
    scene.on(Environment.PRODUCTION)
    backup = scene.back_up()
    words = ("restore", str(backup.pk), "--reason", "Practice.", "--typed-name", "TovPlay")
    status, _, err = command(*words)
    assert status == ExitStatus.REFUSED
    assert "approval.missing" in err
    approval = Approval.objects.get()
    approvals.approve(approval, actor=scene.cast.actor("bob"))
    status, _, err = command(*words)
    assert (status, err) == (0, err)
    assert Restore.objects.get().swap == SwapState.SWAPPED


def test_recover_takes_the_newest_proved_backup(scene: Scene) -> None:
    backup = scene.back_up()
    counts = scene.club.counts()
    status, _, err = command("recover", "TovPlay", "--reason", "gone")
    assert status == ExitStatus.REFUSED
    assert "restore.database_still_there" in err
    accidents.drop_database(scene.club)
    status, out, err = command("recover", "TovPlay", "--reason", "gone", "--json")
    assert (status, json.loads(out)["backup"]) == (0, backup.name), err
    assert scene.club.counts() == counts


def test_merge_needs_its_dry_run(scene: Scene) -> None:
    backup = scene.back_up()
    lost = accidents.lose_some_rows(scene.club)
    words = ("restore", str(backup.pk), "--mode", "merge", "--table", "UserAvailability", "--reason", "lost rows")
    status, _, err = command(*words)
    assert (status, "restore.dry_run_missing" in err) == (ExitStatus.REFUSED, True)
    status, out, _ = command(*words, "--dry-run", "--json")
    assert (status, json.loads(out)["plan"]["insert"]) == (0, lost)
    assert command(*words)[0] == 0
    assert scene.club.counts()["UserAvailability"] == 154


@pytest.mark.parametrize(
    "words",
    [("1", "2"), ("undo",), ("undo", "99999"), ("nothing-of-this-name",), ("latest:nobody",)],
)
def test_words_that_do_not_fit(words: tuple[str, ...], cast: object) -> None:
    assert command("restore", *words, "--reason", "x")[0] == ExitStatus.USAGE


def test_into_goes_with_copy_only(scene: Scene) -> None:
    backup = scene.back_up()
    assert command("restore", str(backup.pk), "--mode", "copy", "--reason", "x")[0] == ExitStatus.USAGE
    assert command("restore", str(backup.pk), "--into", "TovPlay", "--reason", "x")[0] == ExitStatus.USAGE
    words = ("restore", str(backup.pk), "--mode", "copy", "--into", "TovPlay", "--owner", "a", "--reason", "x")
    assert command(*words)[0] == ExitStatus.USAGE


def test_those_who_may_only_look_may_not(scene: Scene) -> None:
    backup = scene.back_up()
    status, _, err = command("restore", str(backup.pk), "--reason", "x", user="charlie")
    assert (status, "actor.not_permitted" in err) == (ExitStatus.REFUSED, True)
