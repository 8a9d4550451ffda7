"""Jobs: run once, seen alive, cancelled at once, found when their worker is dead."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.db.utils import IntegrityError, OperationalError
from django.utils import timezone
from django_q.models import OrmQ

from audit import conf, jobs
from audit.actors import Actor
from audit.exceptions import JobCancelled, JobNotOpen, NotPermitted, TargetUnreachable, WrongServer
from audit.jobs import Progress
from audit.models import JobState, LedgerEntry
from audit.models.jobs import LOG_LIMIT
from backups.models import Backup
from tests.factories import BackupFactory
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
TASK = "tests.audit.test_jobs.never_called"


@pytest.fixture(autouse=True)
def known_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_kinds", {Backup: (TASK, None)})


@pytest.fixture
def job() -> Backup:
    return BackupFactory(queued_at=timezone.now())


def succeed(job: Backup, progress: Progress) -> None:
    Backup.objects.filter(pk=job.pk).update(sha256="a" * 64, snapshot_at=timezone.now())


def in_thread(act: Callable[[], None]) -> threading.Thread:
    def work() -> None:
        try:
            act()
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


# --- one life -----------------------------------------------------------------------------------------------------


def test_a_job_that_works_succeeds_and_tells_its_phases(job: Backup) -> None:
    def verb(job: Backup, progress: Progress) -> None:
        progress.phase("Dump", total=100, unit="bytes")
        progress.advance(60)
        progress.phase("Upload", total=2, unit="steps")
        progress.at(2)
        succeed(job, progress)

    jobs.run(Backup, job.pk, verb)
    job.refresh_from_db()
    assert (job.state, job.phase, job.done, job.total, job.attempt) == (JobState.SUCCEEDED, "Upload", 2, 2, 1)
    assert [(phase["name"], phase["seconds"] is not None) for phase in job.phases] == [("Dump", True), ("Upload", True)]
    assert job.share == 1.0
    assert job.finished_at is not None
    assert [line.split(" ", 1)[1] for line in job.log.splitlines()] == ["Dump", "Upload"]
    assert list(LedgerEntry.objects.values_list("action", "actor")) == [("backup.succeeded", "alice")]


def test_a_job_that_fails_says_why_and_what_to_do(job: Backup) -> None:
    def verb(job: Backup, progress: Progress) -> None:
        raise WrongServer("This is another server.")

    jobs.run(Backup, job.pk, verb)
    job.refresh_from_db()
    assert (job.state, job.error_code, job.error) == (JobState.FAILED, "target.wrong_server", "This is another server.")
    assert job.hint == WrongServer.advice
    assert job.log.endswith("target.wrong_server: This is another server.")
    assert LedgerEntry.objects.get().action == "backup.failed"


def test_a_bug_fails_the_job_aloud_and_propagates(job: Backup) -> None:
    def verb(job: Backup, progress: Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        jobs.run(Backup, job.pk, verb)
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.FAILED, "job.unexpected")


def test_a_job_that_is_over_does_not_run_again(job: Backup) -> None:
    jobs.run(Backup, job.pk, succeed)
    jobs.run(Backup, job.pk, lambda job, progress: pytest.fail("it ran twice"))
    job.refresh_from_db()
    assert job.attempt == 1


@pytest.mark.parametrize(
    "facts",
    [
        {"state": "running"},
        {"state": "succeeded"},
        {"state": "queued", "finished_at": timezone.now()},
        {"state": "failed", "finished_at": timezone.now()},
    ],
)
def test_the_database_refuses_a_row_that_makes_no_sense(facts: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        BackupFactory(**facts)


def test_the_log_keeps_its_newest_part(job: Backup) -> None:
    def verb(job: Backup, progress: Progress) -> None:
        for number in range(3_000):
            progress.log(f"line {number} " + "x" * 50)
        progress.log("a sign that a database refuses: \0")
        succeed(job, progress)

    jobs.run(Backup, job.pk, verb)
    job.refresh_from_db()
    assert len(job.log) == LOG_LIMIT
    assert "line 2999 " in job.log
    assert "line 0 " not in job.log


def test_a_phase_with_a_long_name_is_cut(job: Backup) -> None:
    def verb(job: Backup, progress: Progress) -> None:
        progress.phase("Compare " + "t" * 63)
        succeed(job, progress)

    jobs.run(Backup, job.pk, verb)
    job.refresh_from_db()
    assert (job.state, len(job.phase)) == (JobState.SUCCEEDED, 60)


# --- one worker ---------------------------------------------------------------------------------------------------


def test_of_many_workers_that_want_a_job_exactly_one_gets_it(job: Backup) -> None:
    start = threading.Barrier(8)
    worked: list[int] = []

    def verb(job: Backup, progress: Progress) -> None:
        worked.append(job.pk)
        succeed(job, progress)

    def work() -> None:
        start.wait()
        jobs.run(Backup, job.pk, verb)

    for thread in [in_thread(work) for _ in range(8)]:
        thread.join()
    job.refresh_from_db()
    assert worked == [job.pk]
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)


def test_a_running_job_is_seen_alive_and_its_bar_moves(job: Backup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf, "HEARTBEAT_SECONDS", 1)
    go_on = threading.Event()

    def verb(job: Backup, progress: Progress) -> None:
        progress.phase("Dump", total=10)
        progress.advance(4)
        go_on.wait(60)
        succeed(job, progress)

    thread = in_thread(lambda: jobs.run(Backup, job.pk, verb))
    wait_until(lambda: Backup.objects.get(pk=job.pk).done == 4)
    first = Backup.objects.get(pk=job.pk)
    wait_until(lambda: Backup.objects.get(pk=job.pk).heartbeat_at > first.heartbeat_at)
    assert first.is_running
    assert first.worker.endswith(f":{os.getpid()}")
    go_on.set()
    thread.join()


def test_a_worker_that_was_taken_for_dead_stops_and_writes_nothing_more(job: Backup) -> None:
    reasons: list[str] = []

    def verb(job: Backup, progress: Progress) -> None:
        progress.on_cancel(lambda: reasons.append("child ended"))
        Backup.objects.filter(pk=job.pk).update(claim=uuid.uuid4(), worker="another")
        assert progress.stop.wait(60)
        progress.log("a line of the former worker")
        progress.check()

    jobs.run(Backup, job.pk, verb)
    job.refresh_from_db()
    assert reasons == ["child ended"]
    assert (job.state, job.worker, job.log) == (JobState.RUNNING, "another", "")
    assert not LedgerEntry.objects.exists()


def test_a_worker_that_cannot_reach_our_own_database_ends_its_job(job: Backup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf, "HEARTBEAT_STALE_SECONDS", 1)
    taken = jobs.claim(Backup, job.pk)
    assert taken is not None
    progress = Progress(taken)

    def cut_off(*args: Any) -> None:
        raise OperationalError("the connection is gone")

    monkeypatch.setattr(jobs, "_listen", cut_off)
    thread = in_thread(lambda: jobs._beat(taken, progress))
    thread.join(60)
    assert progress.why is not None
    assert progress.why.code == "job.worker_died"


def test_a_heartbeat_survives_a_lost_connection(job: Backup) -> None:
    def verb(job: Backup, progress: Progress) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        progress.advance(7)
        wait_until(lambda: Backup.objects.get(pk=job.pk).done == 7)
        succeed(job, progress)

    jobs.run(Backup, job.pk, verb)
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED


# --- cancel -------------------------------------------------------------------------------------------------------


def test_a_queued_job_is_cancelled_at_once_and_never_runs(job: Backup, asker: Actor) -> None:
    jobs.cancel(job, actor=asker, reason="not today")
    jobs.run(Backup, job.pk, lambda job, progress: pytest.fail("it ran"))
    assert (job.state, job.cancel_requested_by) == (JobState.CANCELLED, "alice")
    assert (LedgerEntry.objects.get().action, LedgerEntry.objects.get().reason) == ("backup.cancel", "not today")


def test_a_running_job_is_cancelled_and_its_child_is_ended(job: Backup, asker: Actor) -> None:
    children: list[subprocess.Popen[bytes]] = []

    def verb(job: Backup, progress: Progress) -> None:
        child = subprocess.Popen(["sleep", "600"])
        children.append(child)
        progress.on_cancel(child.kill)
        child.wait()
        raise TargetUnreachable("the child was ended, and a tool tells that in its own words")

    thread = in_thread(lambda: jobs.run(Backup, job.pk, verb))
    wait_until(lambda: bool(children))
    jobs.cancel(Backup.objects.get(pk=job.pk), actor=asker)
    thread.join(120)
    job.refresh_from_db()
    assert children[0].poll() is not None
    assert (job.state, job.error_code, job.error) == (JobState.CANCELLED, "job.cancelled", "Cancelled by alice.")


def test_a_child_that_is_registered_after_the_cancel_is_ended_too(job: Backup) -> None:
    progress = Progress(job)
    progress.end(JobCancelled())
    ended: list[bool] = []
    progress.on_cancel(lambda: ended.append(True))
    assert ended == [True]
    with pytest.raises(JobCancelled):
        progress.phase("Next")


def test_a_job_that_is_over_cannot_be_cancelled(job: Backup, asker: Actor) -> None:
    jobs.run(Backup, job.pk, succeed)
    with pytest.raises(JobNotOpen):
        jobs.cancel(job, actor=asker)


def test_an_auditor_cannot_cancel(job: Backup, auditor: Actor) -> None:
    with pytest.raises(NotPermitted):
        jobs.cancel(job, actor=auditor)
    job.refresh_from_db()
    assert job.state == JobState.QUEUED


def test_an_auditor_cannot_cancel_a_backup_even_if_they_had_asked_for_it(job: Backup, auditor: Actor) -> None:
    Backup.objects.filter(pk=job.pk).update(**jobs.asked(auditor))
    job.refresh_from_db()
    with pytest.raises(NotPermitted):
        jobs.cancel(job, actor=auditor)


# --- dead workers, lost messages ----------------------------------------------------------------------------------

WORKER = """
import sys, time
import django
django.setup()
from audit import jobs
from backups.models import Backup
def verb(job, progress):
    progress.phase("Dump", total=10)
    print("running", flush=True)
    time.sleep(120)
jobs.run(Backup, int(sys.argv[1]), verb)
"""


@pytest.fixture
def killed(job: Backup) -> Iterator[Callable[[], None]]:
    """Run the job in a worker process of its own and kill that with SIGKILL."""
    own = connection.settings_dict
    url = f"postgres://{own['USER']}:{own['PASSWORD']}@{own['HOST'].replace('/', '%2F')}:{own['PORT']}/{own['NAME']}"
    env = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tovgov.settings"}
    started: list[subprocess.Popen[str]] = []

    def run_and_kill() -> None:
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(job.pk)], env=env, stdout=subprocess.PIPE, text=True
        )
        started.append(worker)
        assert worker.stdout is not None
        assert worker.stdout.readline() == "running\n"
        worker.kill()
        worker.wait()

    yield run_and_kill
    for worker in started:
        worker.kill()
        worker.wait()


def test_the_job_of_a_killed_worker_is_failed_aloud(
    job: Backup, killed: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    tidied: list[int] = []
    monkeypatch.setattr(jobs, "_kinds", {Backup: (TASK, lambda job: tidied.append(job.pk))})
    killed()
    job.refresh_from_db()
    assert job.is_running
    assert jobs.reap() == [], "a heartbeat was heard a moment ago"
    monkeypatch.setattr(conf, "HEARTBEAT_STALE_SECONDS", 0.5)
    time.sleep(0.6)
    assert jobs.reap() == [job]
    job.refresh_from_db()
    assert (job.state, job.error_code, job.claim) == (JobState.FAILED, "job.worker_died", None)
    assert tidied == [job.pk]
    assert LedgerEntry.objects.get().action == "backup.failed"
    assert jobs.reap() == []


def test_the_job_of_a_killed_worker_is_taken_up_again_as_often_as_it_may(
    job: Backup, killed: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    Backup.objects.filter(pk=job.pk).update(max_attempts=2)
    monkeypatch.setattr(conf, "HEARTBEAT_STALE_SECONDS", 0.5)
    for state in (JobState.QUEUED, JobState.FAILED):
        killed()
        time.sleep(0.6)
        jobs.reap()
        job.refresh_from_db()
        assert job.state == state
    assert job.attempt == 2
    assert OrmQ.objects.count() == 1


def test_a_job_taken_up_again_that_succeeds_shows_no_old_error(job: Backup) -> None:
    Backup.objects.filter(pk=job.pk).update(max_attempts=2)

    def unreachable(job: Backup, progress: Progress) -> None:
        raise TargetUnreachable

    jobs.run(Backup, job.pk, unreachable)
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.QUEUED, "target.unreachable")
    jobs.run(Backup, job.pk, succeed)
    job.refresh_from_db()
    assert (job.state, job.error_code, job.error, job.hint) == (JobState.SUCCEEDED, "", "", "")


def test_a_permanent_error_is_never_retried(job: Backup) -> None:
    Backup.objects.filter(pk=job.pk).update(max_attempts=5)

    def wrong(job: Backup, progress: Progress) -> None:
        raise WrongServer

    jobs.run(Backup, job.pk, wrong)
    job.refresh_from_db()
    assert (job.state, job.attempt) == (JobState.FAILED, 1)


def test_a_job_whose_cancel_was_asked_before_its_worker_died_is_cancelled(
    job: Backup, killed: Callable[[], None], asker: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    Backup.objects.filter(pk=job.pk).update(max_attempts=3)
    killed()
    jobs.cancel(Backup.objects.get(pk=job.pk), actor=asker)
    monkeypatch.setattr(conf, "HEARTBEAT_STALE_SECONDS", 0.2)
    time.sleep(0.3)
    jobs.reap()
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_one_job_that_cannot_be_tidied_up_does_not_hide_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    def untidy(job: Backup) -> None:
        raise TargetUnreachable

    monkeypatch.setattr(jobs, "_kinds", {Backup: (TASK, untidy)})
    long_ago = timezone.now() - timedelta(minutes=2)
    dead = {"state": "running", "claim": uuid.uuid4(), "started_at": long_ago, "heartbeat_at": long_ago}
    both = {BackupFactory(**dead).pk, BackupFactory(**dead).pk}
    assert {job.pk for job in jobs.reap()} == both


def test_a_message_that_the_broker_lost_is_sent_again(job: Backup) -> None:
    jobs.reap()
    assert not OrmQ.objects.exists(), "it was queued a moment ago"
    earlier = timezone.now() - timedelta(seconds=30)
    Backup.objects.filter(pk=job.pk).update(queued_at=earlier, enqueued_at=earlier)
    jobs.reap()
    jobs.reap()
    assert OrmQ.objects.count() == 1
    job.refresh_from_db()
    assert (job.state, job.queued_at) == (JobState.QUEUED, earlier), "since when it waits stays true"


def test_a_job_is_queued_when_the_transaction_commits(job: Backup) -> None:
    jobs.enqueue(job, TASK)
    message = OrmQ.objects.get()
    assert message.key == "long"
    assert (message.task["func"], message.task["args"]) == (TASK, (job.pk,))
