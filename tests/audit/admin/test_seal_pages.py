"""Seals in the admin: places that are added, tried, paused and removed; checkpoints; a log's export with its proof."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from audit import signing, tasks
from audit.admin.base import act_url
from audit.models import Alert, Checkpoint, Export, ImportSource, LedgerEntry, Publication, PublicationPlace
from audit.seals import checkpoints, publication, verifier
from audit.templatetags.tovgov import page_of
from tests.audit.admin.test_acts import signed_in
from tests.audit.seals.conftest import add, write_key
from tests.cast import Cast
from tests.factories import ImportSourceFactory, TargetFactory

pytestmark = pytest.mark.django_db(transaction=True)

PLACES = "/admin/audit/publicationplace/"
SECRET = "a key of sixteen characters"


@pytest.fixture
def source(cast: Cast, tmp_path: Path, settings: Any) -> ImportSource:
    """Six sealed sessions."""
    settings.TOVGOV_KEYS, settings.TOVGOV_EXPORTS = tmp_path / "keys", tmp_path / "exports"
    settings.TOVGOV_KEYS.mkdir()
    write_key(settings.TOVGOV_KEYS / "signing-key.pem")
    made = ImportSourceFactory(target=TargetFactory(name="Club"), kind="samples")
    add(made, 6)
    return made


@pytest.fixture
def signed(source: ImportSource) -> Checkpoint:
    made = checkpoints.make(source.seal_tree)
    assert made is not None
    return made


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What a worker is asked, instead of a worker."""
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(publication, "async_task", lambda *given: asked.append(given))
    monkeypatch.setattr("audit.jobs.async_task", lambda *given, **more: asked.append(given))
    return asked


def given(kind: str, address: str, **more: Any) -> dict[str, Any]:
    return {"name": "safe", "kind": kind, "address": address, "secret": "", "every_minutes": 0} | more


def added(client: Client, kind: str, address: str, **more: Any) -> PublicationPlace:
    answer = client.post(f"{PLACES}add/", given(kind, address, **more))
    assert answer.status_code == 302, answer.content.decode()
    return PublicationPlace.objects.get()


def page(client: Client, obj: Any) -> str:
    answer = client.get(page_of(obj))
    assert answer.status_code == 200
    return answer.content.decode()


def act(client: Client, obj: Any, slug: str) -> str:
    return client.post(act_url(obj, slug, obj.pk), {"reason": "Bob is away."}, follow=True).content.decode()


def test_a_place_is_added_tried_and_says_what_went_wrong(
    signed: Checkpoint, cast: Cast, tmp_path: Path, queued: list[tuple[Any, ...]]
) -> None:
    client, shelf = signed_in(cast.miriam), tmp_path / "shelf"
    place = added(client, "folder", str(shelf))
    assert "A worker publishes at safe now" in act(client, place, "publish-now")
    assert queued.pop() == ("audit.tasks.publish_checkpoints", place.pk)
    tasks.publish_checkpoints(place.pk)
    assert "No such file or directory" in page(client, place)
    assert "Failing" in client.get(PLACES).content.decode()
    shelf.mkdir()
    tasks.publish_checkpoints(place.pk)
    shown = page(client, place)
    assert "No such file or directory" not in shown
    assert page_of(signed) in shown
    (file,) = shelf.iterdir()
    assert file.read_text() == signed.note
    assert LedgerEntry.objects.get(action="seals.publish_now").actor == "miriam"


def test_a_place_where_nothing_waits_is_tried_with_the_newest(
    signed: Checkpoint, cast: Cast, tmp_path: Path, queued: list[tuple[Any, ...]]
) -> None:
    place = added(signed_in(cast.miriam), "folder", str(tmp_path))
    tasks.publish_checkpoints(place.pk)
    arrived = Publication.objects.get().at
    PublicationPlace.objects.update(address=str(tmp_path / "gone"))
    tasks.publish_checkpoints(place.pk)
    row = Publication.objects.get()
    assert (row.at, row.error_code) == (arrived, "seals.publication_failed")
    assert Alert.objects.get(kind=publication.ALERT).resolved_at is None
    PublicationPlace.objects.update(address=str(tmp_path))
    tasks.publish_checkpoints(place.pk)
    assert Publication.objects.get().error == ""
    assert Alert.objects.exclude(resolved_at=None).get(kind=publication.ALERT)


def test_there_is_nothing_to_publish_before_the_first_checkpoint(cast: Cast, tmp_path: Path) -> None:
    client = signed_in(cast.miriam)
    place = added(client, "folder", str(tmp_path))
    assert "There is no checkpoint yet" in act(client, place, "publish-now")


def test_a_paused_place_gets_nothing_until_it_is_resumed(signed: Checkpoint, cast: Cast, tmp_path: Path) -> None:
    client = signed_in(cast.miriam)
    place = added(client, "folder", str(tmp_path / "gone"))
    publication.watch()
    act(client, place, "pause")
    assert Alert.objects.get(kind=publication.ALERT).resolved_at is not None
    publication.watch()
    assert Publication.objects.get().attempts == 1
    assert "Paused" in page(client, place)
    act(client, place, "resume")
    assert PublicationPlace.objects.get().is_active
    paused = LedgerEntry.objects.get(action="seals.place_paused")
    assert (paused.actor, paused.reason) == ("miriam", "Bob is away.")


def test_a_place_is_removed_and_what_arrived_stays(signed: Checkpoint, cast: Cast, tmp_path: Path) -> None:
    client, shelf = signed_in(cast.miriam), tmp_path / "shelf"
    shelf.mkdir()
    place = added(client, "folder", str(shelf))
    publication.watch()
    assert "safe is removed" in act(client, place, "remove")
    assert not PublicationPlace.objects.exists()
    assert len(list(shelf.iterdir())) == 1


def test_a_place_to_which_something_is_brought_is_not_waited_for(
    signed: Checkpoint, cast: Cast, tmp_path: Path
) -> None:
    place = added(signed_in(cast.miriam), "folder", str(tmp_path))
    other = connection.copy()
    try:
        with transaction.atomic(), other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT 1 FROM audit_publicationplace FOR UPDATE")
            assert "Something is brought to safe just now" in act(signed_in(cast.miriam), place, "pause")
    finally:
        other.close()


def test_what_a_kind_does_not_take_is_said_beside_the_form(cast: Cast) -> None:
    client = signed_in(cast.miriam)
    for kind, address, why in (
        ("folder", "shelf", "from the root on"),
        ("mail", "miriam", "Name mail addresses"),
        ("webhook", "http://audit.example.org", "begins with https"),
        ("database", "host=db.example.org user=keeper password=x", "kept encrypted"),
    ):
        answer = client.post(f"{PLACES}add/", given(kind, address, secret=SECRET))
        assert answer.status_code == 409
        assert why in answer.content.decode()
        assert SECRET not in answer.content.decode()
    assert not PublicationPlace.objects.exists()


def test_neither_secret_nor_token_is_shown(cast: Cast) -> None:
    client = signed_in(cast.miriam)
    address = "https://127.0.0.1/hooks/a-token?key=another"
    place = added(client, "webhook", address, secret=SECRET, insecure="on")
    for shown in (page(client, place), client.get(PLACES).content.decode()):
        assert SECRET not in shown
        assert "a-token" not in shown
        assert "another" not in shown
    assert "https://127.0.0.1/…" in page(client, place)
    assert SECRET not in str(LedgerEntry.objects.values_list("detail", flat=True))


def test_the_statement_for_another_database_is_for_who_may_add(cast: Cast) -> None:
    place = added(signed_in(cast.miriam), "database", "host=db.example.org dbname=safe user=keeper sslpassword=hush")
    shown = page(signed_in(cast.miriam), place)
    assert "GRANT INSERT ON tovgov_checkpoint" in shown
    assert "hush" not in shown
    assert "GRANT INSERT" not in page(signed_in(cast.charlie), place)


@pytest.mark.parametrize("slug", ["publish-now", "pause", "remove"])
def test_who_may_only_look_changes_no_place(slug: str, signed: Checkpoint, cast: Cast, tmp_path: Path) -> None:
    place = added(signed_in(cast.miriam), "folder", str(tmp_path))
    for person in (cast.alice, cast.charlie):
        client = signed_in(person)
        assert client.post(act_url(place, slug, place.pk)).status_code == 403
        assert client.get(f"{PLACES}add/").status_code == 403
        assert client.post(f"{PLACES}add/", given("folder", "/x", name="other")).status_code == 403
        assert act_url(place, slug, place.pk) not in page(client, place)
    assert PublicationPlace.objects.get().is_active


def test_a_checkpoint_is_read_and_downloaded(signed: Checkpoint, cast: Cast, tmp_path: Path) -> None:
    client = signed_in(cast.charlie)
    publication.add("shelf", "folder", str(tmp_path), actor=cast.actor("miriam"))
    assert "Nowhere yet." in page(client, signed)
    source = signed.tree.source
    add(source, 1)
    later = checkpoints.make(source.seal_tree)
    assert later is not None
    publication.watch()
    assert "vouches for it" in page(client, signed)
    assert "shelf" in page(client, later)
    assert later.root in page(client, later)
    listed = client.get(f"/admin/audit/checkpoint/?log={source.pk}").content.decode()
    assert later.root[:16] in listed
    assert later.root[:16] not in client.get("/admin/audit/checkpoint/?log=0").content.decode()
    answer = client.get(reverse("admin:audit_checkpoint_note", args=[later.pk]))
    assert answer.content.decode() == later.note
    assert f"checkpoint-{later.tree.uuid}-00000002.txt" in answer["Content-Disposition"]
    assert page_of(later) in page(client, source)


def test_a_stranger_gets_no_note(signed: Checkpoint) -> None:
    answer = Client().get(reverse("admin:audit_checkpoint_note", args=[signed.pk]))
    assert answer.status_code == 302
    assert "/login/" in answer["Location"]


# --- export with proof ------------------------------------------------------------------------------------------------


def exported(client: Client, source: ImportSource) -> Export:
    assert client.post(act_url(source, "export-connections", source.pk), follow=True).status_code == 200
    row = Export.objects.get()
    tasks.run_export(row.pk)
    row.refresh_from_db()
    return row


def test_a_log_is_exported_with_its_proof_which_a_stranger_checks(
    signed: Checkpoint, cast: Cast, tmp_path: Path, queued: list[tuple[Any, ...]]
) -> None:
    client, source = signed_in(cast.alice), signed.tree.source
    row = exported(client, source)
    assert (row.state, row.rows) == ("succeeded", 6)
    shown = page(client, row)
    download = reverse("admin:audit_export_download", args=[row.pk])
    assert download in shown
    assert str(source) in client.get("/admin/audit/export/").content.decode()
    answer: Any = client.get(download)
    assert answer["Content-Type"] == "application/zip"
    assert answer["X-SHA256"] == row.sha256
    file, key = tmp_path / "log.zip", tmp_path / "key.pem"
    file.write_bytes(answer.getvalue())
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    key.write_bytes(signing.signing_key().public_key().public_bytes(encoding, form))
    words = [sys.executable, "-I", verifier.__file__, str(file), "--key", str(key)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    actions = LedgerEntry.objects.filter(actor="alice").values_list("action", flat=True)
    assert set(actions) == {
        *("export.request", "seals.bundle", "export.written", "export.succeeded", "export.download")
    }


def test_who_may_not_export_a_log_gets_neither_job_nor_file(
    signed: Checkpoint, cast: Cast, queued: list[tuple[Any, ...]]
) -> None:
    watcher, source = signed_in(cast.bob), signed.tree.source
    assert watcher.post(act_url(source, "export-connections", source.pk)).status_code == 403
    assert not Export.objects.exists()
    assert "Export with proof" not in page(watcher, source)
    row = exported(signed_in(cast.alice), source)
    download = reverse("admin:audit_export_download", args=[row.pk])
    assert download not in page(watcher, row)
    assert watcher.get(download).status_code == 403


def test_an_export_with_proof_that_is_of_another_log_is_not_offered(signed: Checkpoint, cast: Cast) -> None:
    client, source = signed_in(cast.alice), signed.tree.source
    assert page(client, source).count("Export with proof") == 1
    client.post(act_url(source, "export-deletes", source.pk))
    assert not Export.objects.exists()


def test_a_log_without_a_checkpoint_is_not_exported_with_proof(source: ImportSource, cast: Cast) -> None:
    client = signed_in(cast.alice)
    assert "Export with proof" not in page(client, source)
    client.post(act_url(source, "export-connections", source.pk))
    assert not Export.objects.exists()


def test_an_export_whose_log_is_gone_says_so(signed: Checkpoint, cast: Cast, queued: list[tuple[Any, ...]]) -> None:
    client = signed_in(cast.alice)
    row = exported(client, signed.tree.source)
    Export.objects.update(query="source=0")
    assert "a log that is gone" in page(client, row)
    answer = client.get(reverse("admin:audit_export_download", args=[row.pk]), follow=True)
    assert "The log of this export is gone." in answer.content.decode()
