"""A job on a terminal: its bar, its log, how it ended."""

from __future__ import annotations

import io
import os
import pty
import threading
import time
from contextlib import suppress
from typing import Any

import pytest
from django.db import connections

from audit import jobs
from audit.actors import Actor
from audit.exceptions import ConnectionLost, ExitStatus, JobCancelled, TovgovError
from audit.management.following import JobFailed, amount, error_of, follow
from audit.progress import Progress
from backups.exceptions import ProofFailed
from backups.models import Verification
from tests.factories import BackupFactory, VerificationFactory

ACTOR = Actor.system("tests")


class Err:
    """What Django's commands write errors to: lines, and the stream below."""

    def __init__(self, stream: Any) -> None:
        self._out = stream

    def write(self, line: str) -> None:
        self._out.write(line + "\n")


def work(pk: int) -> None:
    """A job of two phases."""

    def verb(job: Verification, progress: Progress) -> None:
        progress.phase("Read back", total=200, unit="bytes")
        progress.advance(150)
        time.sleep(2)  # several looks of whoever follows
        progress.phase("Decode")
        progress.log("half of it [red]is[/red] done")

    jobs.run(Verification, pk, verb)


@pytest.mark.django_db(transaction=True)
def test_without_a_terminal_the_log_is_told_once() -> None:
    stream = io.StringIO()
    job = follow(VerificationFactory(), here=work, actor=ACTOR, err=Err(stream))
    assert job.state == "succeeded"
    lines = stream.getvalue().splitlines()
    assert [line[9:] for line in lines] == ["Read back", "Decode", "half of it [red]is[/red] done"]


def everything(terminal: int) -> str:
    """All that was written: one read gives a part of it only."""
    os.set_blocking(terminal, False)
    found = b""
    with suppress(BlockingIOError):
        while part := os.read(terminal, 100_000):
            found += part
    return found.decode()


@pytest.mark.django_db(transaction=True)
def test_on_a_terminal_there_is_a_bar() -> None:
    reader, writer = pty.openpty()
    with os.fdopen(writer, "w") as stream:
        follow(VerificationFactory(), here=work, actor=ACTOR, err=Err(stream))
        shown = everything(reader)
    os.close(reader)
    assert "Read back" in shown
    assert "0.0 MB" in shown
    assert "half of it [red]is[/red] done" in shown


@pytest.mark.django_db(transaction=True)
def test_quiet_says_nothing() -> None:
    stream = io.StringIO()
    follow(VerificationFactory(), here=work, actor=ACTOR, err=Err(stream), quiet=True)
    assert stream.getvalue() == ""


@pytest.mark.django_db(transaction=True)
def test_a_job_of_a_worker_is_followed_to_its_end() -> None:
    job = VerificationFactory()

    def elsewhere() -> None:
        work(job.pk)
        connections.close_all()

    worker = threading.Timer(0.3, elsewhere)
    worker.start()
    assert follow(job, here=None, actor=ACTOR, err=Err(io.StringIO())).state == "succeeded"
    worker.join()


@pytest.mark.django_db(transaction=True)
def test_a_bug_in_the_job_comes_out() -> None:
    def broken(pk: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        follow(VerificationFactory(), here=broken, actor=ACTOR, err=Err(io.StringIO()))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("code", "kind", "status"),
    [
        ("proof.failed", ProofFailed, ExitStatus.PROOF_FAILED),
        ("target.connection_lost", ConnectionLost, ExitStatus.INFRASTRUCTURE),
        ("never.heard.of", JobFailed, ExitStatus.FAILED),
    ],
)
def test_a_failed_job_raises_what_its_code_names(code: str, kind: type[TovgovError], status: ExitStatus) -> None:
    error = error_of(BackupFactory(failed=True, error_code=code, error="That is how it was.", hint="Do this."))
    assert (type(error), error.exit_status) == (kind, status)
    assert (error.message, error.hint) == ("That is how it was.", "Do this.")


@pytest.mark.django_db
def test_a_cancelled_job_raises_that() -> None:
    assert isinstance(error_of(BackupFactory(cancelled=True)), JobCancelled)


def test_amounts_are_for_people() -> None:
    assert amount(12_345_678, "bytes") == "12.3 MB"
    assert amount(1200, "rows") == "1,200 rows"
    assert amount(3, "") == ""
