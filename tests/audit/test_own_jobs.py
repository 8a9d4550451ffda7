"""Files that a person asked for: who asked may stop their making, whatever else they may do, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from audit import jobs
from audit.actors import Actor
from audit.admin.base import act_url
from audit.evidence import ask
from audit.exceptions import JobNotOpen, NotPermitted
from audit.exports import request as exports
from audit.lists.ledger_entries import LEDGER
from audit.models import Job, LedgerEntry
from audit.reports import known, make
from audit.reports import scope as scopes
from audit.templatetags.tovgov import page_of
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.audit.seals.conftest import write_key
from tests.audit.test_reviews_command import run
from tests.cast import Cast
from tests.factories import ago

pytestmark = pytest.mark.django_db

Asked = Callable[[Actor], Job]


def an_export(actor: Actor) -> Job:
    return exports.start(LEDGER, "", "csv", actor=actor)


def a_report(actor: Actor) -> Job:
    return make.start(scopes.read(known.find("incidents"), ""), "csv", actor=actor)


def a_pack(actor: Actor) -> Job:
    return ask.ask(ago(days=2), ago(days=1), [factories.TargetFactory()], actor=actor)


FILES = pytest.mark.parametrize("asked", [an_export, a_report, a_pack])


@pytest.fixture(autouse=True)
def nothing_is_queued(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any) -> None:
    """Nothing runs, and packs could be signed."""
    settings.TOVGOV_KEYS = tmp_path
    write_key(tmp_path / "signing-key.pem")
    monkeypatch.setattr("audit.jobs.enqueue", lambda *given, **more: None)


@FILES
def test_an_auditor_cancels_their_own(asked: Asked, auditor: Actor) -> None:
    job = asked(auditor)
    jobs.cancel(job, actor=auditor, reason="The wrong quarter.")
    assert (job.state, job.cancel_requested_by) == ("cancelled", "charlie")
    entry = LedgerEntry.objects.latest("number")
    assert (entry.action, entry.actor, entry.reason) == (
        f"{job._meta.model_name}.cancel", "charlie", "The wrong quarter.",
    )  # fmt: skip
    with pytest.raises(JobNotOpen):
        jobs.cancel(job, actor=auditor)


@FILES
def test_an_auditor_does_not_cancel_another_s(asked: Asked, auditor: Actor, manager: Actor) -> None:
    job = asked(manager)
    with pytest.raises(NotPermitted):
        jobs.cancel(job, actor=auditor)
    job.refresh_from_db()
    assert job.state == "queued"


@FILES
def test_a_namesake_does_not_cancel_it(asked: Asked, manager: Actor, cast: Cast) -> None:
    job = asked(manager)
    with pytest.raises(NotPermitted):
        jobs.cancel(job, actor=Actor(name="miriam", source="tests", user=cast.charlie))


def test_who_is_locked_out_cancels_nothing(auditor: Actor, cast: Cast) -> None:
    job = an_export(auditor)
    User.objects.filter(pk=cast.charlie.pk).update(is_active=False)
    locked = Actor.person(User.objects.get(pk=cast.charlie.pk), "tests")
    with pytest.raises(NotPermitted):
        jobs.cancel(job, actor=locked)


@FILES
def test_on_the_pages_it_is_their_own_too(asked: Asked, cast: Cast) -> None:
    own, other = asked(cast.actor("charlie")), asked(cast.actor("miriam"))
    client = signed_in(cast.charlie)
    assert act_url(own, "cancel", own.pk) in client.get(page_of(own)).content.decode()
    assert act_url(other, "cancel", other.pk) not in client.get(page_of(other)).content.decode()
    for url in (act_url(other, "cancel", other.pk), act_url(own, "cancel", own.pk, other.pk)):
        assert client.get(url).status_code == 403
        assert client.post(url, {}).status_code == 403
    assert client.post(act_url(own, "cancel", own.pk), {}).status_code == 302
    own.refresh_from_db()
    other.refresh_from_db()
    assert (own.state, other.state) == ("cancelled", "queued")


def test_on_the_command_line_it_is_their_own_too(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    own, other = an_export(cast.actor("charlie")), an_export(cast.actor("alice"))
    assert run(capsys, "jobs", "cancel", f"export-{own.pk}", "--as", "charlie")["state"] == "cancelled"
    refused = run(capsys, "jobs", "cancel", f"export-{other.pk}", "--as", "charlie", status=3)
    assert refused["error"]["code"] == NotPermitted.code
