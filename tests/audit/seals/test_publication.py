"""Checkpoints reach places outside: once, whole, again after a failure, and nothing but checkpoints."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

from audit.actors import Actor
from audit.exceptions import ExitStatus, NoSuchPlace, NotPermitted, PlaceInvalid
from audit.models import Alert, Checkpoint, ImportSource, LedgerEntry, Publication, PublicationPlace
from audit.seals import checkpoints, places, publication, verify, witnesses
from tests.audit.seals.conftest import add
from tests.cast import Cast
from tests.conftest import MakeDatabase, MakeRole, run
from tovgov.embedded import Cluster

TOVGOV = Actor.system("tests")
KEY = "a key of sixteen characters"


@pytest.fixture
def signed(source: ImportSource, keys: Path) -> Checkpoint:
    made = checkpoints.make(source.seal_tree)
    assert made is not None
    return made


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    folder = tmp_path / "shelf"
    folder.mkdir()
    return folder


def grown(source: ImportSource) -> Checkpoint:
    add(source, 1)
    made = checkpoints.make(source.seal_tree)
    assert made is not None
    return made


def test_a_folder_gets_each_newest_checkpoint_once(signed: Checkpoint, source: ImportSource, shelf: Path) -> None:
    publication.add("shelf", "folder", str(shelf), actor=TOVGOV)
    publication.watch()
    publication.watch()
    (file,) = shelf.iterdir()
    assert file.read_text() == signed.note
    later = grown(source)
    publication.watch()
    assert sorted(file.read_text() for file in shelf.iterdir()) == sorted([signed.note, later.note])
    texts = witnesses.published_in(shelf)
    assert verify.verify(source.target, actor=TOVGOV, published=texts).faults == []


def test_a_file_with_another_checkpoint_is_never_written_over(signed: Checkpoint, shelf: Path) -> None:
    place = publication.add("shelf", "folder", str(shelf), actor=TOVGOV)
    assert publication.publish(place) == 1
    (file,) = shelf.iterdir()
    file.write_text("another")
    Publication.objects.update(at=None)
    assert publication.publish(place) == 0
    assert file.read_text() == "another"
    assert "with another checkpoint in it" in Alert.objects.get(kind=publication.ALERT).title
    assert list(shelf.iterdir()) == [file], "nothing half-written stays"


def test_a_failure_is_tried_again_less_and_less_often_and_its_alarm_ends(signed: Checkpoint, shelf: Path) -> None:
    shelf.rmdir()
    place = publication.add("shelf", "folder", str(shelf), actor=TOVGOV)
    waits = []
    for _ in range(3):
        before = timezone.now()
        assert publication.publish(place, now=True) == 0
        row = Publication.objects.get()
        assert row.next_at is not None
        waits.append(round((row.next_at - before).total_seconds() / 60))
    assert waits == [1, 2, 4]
    assert (row.attempts, row.error_code) == (3, "seals.publication_failed")
    assert publication.publish(place) == 0, "it is not due"
    assert Publication.objects.get().attempts == 3
    alarm = Alert.objects.get(kind=publication.ALERT)
    assert (alarm.times, alarm.resolved_at) == (3, None)
    shelf.mkdir()
    Publication.objects.update(next_at=timezone.now())
    assert publication.publish(place) == 1
    alarm.refresh_from_db()
    assert alarm.resolved_at is not None


def test_a_place_is_spared(signed: Checkpoint, source: ImportSource, shelf: Path) -> None:
    place = publication.add("shelf", "folder", str(shelf), actor=TOVGOV, every_minutes=60)
    assert publication.publish(place) == 1
    grown(source)
    last = grown(source)
    assert publication.publish(place) == 0
    Publication.objects.update(at=timezone.now() - timezone.timedelta(minutes=61))
    assert publication.publish(place) == 1
    assert Publication.objects.latest("pk").checkpoint == last, "the newest alone: it vouches for those before it"


def test_mail_holds_the_note(signed: Checkpoint) -> None:
    place = publication.add("post", "mail", "miriam@example.org, bob@example.org", actor=TOVGOV)
    assert publication.publish(place) == 1
    (sent,) = mail.outbox
    assert sent.to == ["miriam@example.org", "bob@example.org"]
    assert sent.attachments[0].content == signed.note


# --- a web address ----------------------------------------------------------------------------------------------------


class Listener:
    """A web server that notes what it was sent."""

    def __init__(self) -> None:
        self.status, self.heard = 200, []  # type: ignore[var-annotated]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.heard.append((self.path, dict(self.headers), body))
                self.send_response(outer.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/checkpoints"


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_a_web_address_gets_signed_json(signed: Checkpoint, listener: Listener) -> None:
    place = publication.add("web", "webhook", listener.url, actor=TOVGOV, secret=KEY, insecure=True)
    assert publication.publish(place) == 1
    (_, headers, body) = listener.heard[0]
    assert json.loads(body) == {"checkpoints": [signed.note]}
    mark = hmac.new(KEY.encode(), body, hashlib.sha256).digest()
    assert headers["X-Tovgov-Signature"] == base64.b64encode(mark).decode()


@pytest.mark.parametrize("status", [302, 307, 404, 500])
def test_a_refusal_or_a_redirect_is_a_failure(signed: Checkpoint, listener: Listener, status: int) -> None:
    place = publication.add("web", "webhook", listener.url, actor=TOVGOV, secret=KEY, insecure=True)
    listener.status = status
    assert publication.publish(place) == 0
    assert [path for path, _, _ in listener.heard] == ["/checkpoints"], "a redirect is not followed"
    assert f"answered {status}" in Publication.objects.get().error


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("webhook", "http://example.org/"),
        ("webhook", "https://user:word@example.org/"),
        ("webhook", "https://127.0.0.1/"),
        ("webhook", "https://[::1]/"),
        ("webhook", "https://169.254.169.254/latest/meta-data"),
        ("webhook", "file:///etc/passwd"),
        ("folder", "relative/folder"),
        ("mail", "nobody"),
        ("mail", ""),
        ("database", "host=db.example.org dbname=safe"),
        ("database", "host=db.example.org user=keeper password=word"),
        ("database", "not a conninfo"),
        ("telegram", "x"),
    ],
)
def test_a_place_that_cannot_be_is_refused(db: None, kind: str, address: str) -> None:
    with pytest.raises(PlaceInvalid):
        publication.add("bad", kind, address, actor=TOVGOV, secret=KEY)
    assert PublicationPlace.objects.count() == 0


def test_a_web_address_needs_a_key(db: None) -> None:
    with pytest.raises(PlaceInvalid, match="at least 16 characters"):
        publication.add("web", "webhook", "https://198.51.100.7/", actor=TOVGOV, secret="short")


# --- another database -------------------------------------------------------------------------------------------------


def test_another_database_gets_rows_that_its_role_cannot_touch_again(
    signed: Checkpoint, source: ImportSource, cluster: Cluster, make_database: MakeDatabase, roles: MakeRole
) -> None:
    info = make_database(cluster)
    keeper = roles(cluster)
    keywords = info.keywords() | {"user": keeper.user, "password": keeper.password}
    address = psycopg.conninfo.make_conninfo("", **{k: v for k, v in keywords.items() if k != "password"})
    place = publication.add("safe", "database", address, actor=TOVGOV, secret=keeper.password)
    assert publication.publish(place) == 0, "the table is not there yet"
    assert "(42P01)" in Publication.objects.get().error
    run(info, *filter(None, (part.strip() for part in places.create_statement(place).split(";"))))
    assert publication.publish(place, now=True) == 1
    grown(source)
    Publication.objects.update(at=None)
    assert publication.publish(place, now=True) == 2, "one that is there already is no failure"
    with psycopg.connect(**info.keywords()) as connection:
        rows = connection.execute("SELECT number, note FROM tovgov_checkpoint ORDER BY number").fetchall()
    assert rows == [(number, Checkpoint.objects.get(number=number).note) for number in (1, 2)]
    with psycopg.connect(**keywords, autocommit=True) as connection:
        for statement in ("SELECT", "UPDATE tovgov_checkpoint SET note = ''", "DELETE FROM tovgov_checkpoint"):
            if statement == "SELECT":
                statement = "SELECT note FROM tovgov_checkpoint"
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_a_password_is_neither_in_an_error_nor_in_the_ledger(signed: Checkpoint) -> None:
    address = "host=127.0.0.1 port=1 dbname=safe user=keeper"
    place = publication.add("safe", "database", address, actor=TOVGOV, secret="hunter2hunter2")
    assert publication.publish(place) == 0
    row = Publication.objects.get()
    told = row.error + str(list(LedgerEntry.objects.values_list("detail", flat=True))) + Alert.objects.get().title
    assert "hunter2" not in told


# --- who may ----------------------------------------------------------------------------------------------------------


def test_who_may_not_adds_no_place(cast: Cast, shelf: Path) -> None:
    with pytest.raises(NotPermitted):
        publication.add("shelf", "folder", str(shelf), actor=Actor.person(cast.charlie, "tests"))


def test_places_come_and_go_on_the_command_line(signed: Checkpoint, cast: Cast, shelf: Path) -> None:
    def imports(*words: str) -> str:
        out = StringIO()
        call_command("imports", *words, "--as", "miriam", stdout=out)
        return out.getvalue()

    assert "from now on" in imports("add-place", "shelf", "folder", str(shelf))
    assert "shelf: 1 published" in imports("publish")
    assert "shelf" in imports("places")
    assert "paused" in imports("pause-place", "shelf", "--reason", "The disk is full.")
    assert "paused" in imports("places")
    assert "used again" in imports("resume-place", "shelf")
    imports("remove-place", "shelf")
    assert PublicationPlace.objects.count() == 0
    assert len(list(shelf.iterdir())) == 1, "what was published stays"
    with pytest.raises(NoSuchPlace):
        publication.remove("shelf", actor=TOVGOV)


def test_a_place_whose_name_is_too_long_is_refused(db: None) -> None:
    with pytest.raises(PlaceInvalid, match="name: "):
        publication.add("n" * 81, "mail", "miriam@example.org", actor=TOVGOV)


@pytest.mark.parametrize("verb", [publication.pause, publication.resume, publication.remove])
def test_a_place_that_is_not_there_is_named(verb: Callable[..., Any], db: None) -> None:
    with pytest.raises(NoSuchPlace, match="There is no place “shelf”"):
        verb("shelf", actor=TOVGOV)


def test_a_paused_place_that_is_tried_in_vain_raises_no_alarm(signed: Checkpoint, tmp_path: Path) -> None:
    place = publication.add("gone", "folder", str(tmp_path / "gone"), actor=TOVGOV)
    publication.pause("gone", actor=TOVGOV)
    assert publication.publish(place, now=True, again=True) == 0
    assert Publication.objects.get().error_code == "seals.publication_failed"
    assert not Alert.objects.filter(kind=publication.ALERT).exists()


def test_publish_says_what_failed(signed: Checkpoint, cast: Cast, tmp_path: Path) -> None:
    publication.add("gone", "folder", str(tmp_path / "gone"), actor=TOVGOV)
    with pytest.raises(SystemExit) as ended:
        call_command("imports", "publish", "--as", "miriam", stdout=StringIO(), stderr=StringIO())
    assert ended.value.code == ExitStatus.INFRASTRUCTURE
