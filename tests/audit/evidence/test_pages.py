"""Evidence packs in the admin: asked for, read, downloaded and verified again; by whom, and by whom not."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from django.urls import reverse

from audit.admin.base import act_url
from audit.models import EvidencePack, EvidencePart, LedgerEntry, Target
from audit.templatetags.tovgov import page_of
from tests.audit.admin.test_acts import signed_in
from tests.audit.evidence.conftest import Make, built, file_of
from tests.cast import Cast
from tests.factories import ago

pytestmark = pytest.mark.django_db(transaction=True)

ADD = "/admin/audit/evidencepack/add/"


def form(target: Target, **more: Any) -> dict[str, Any]:
    today = ago(minutes=0).date().isoformat()
    return {
        "first": today, "last": today, "targets": [target.pk], "parts": EvidencePart.values, "reason": "June",
    } | more  # fmt: skip


def test_an_auditor_asks_reads_and_downloads(cast: Cast, club: Target) -> None:
    client = signed_in(cast.charlie)
    page = client.get(ADD).content.decode()
    assert "Ask for it" in page
    assert "Club &lt;b&gt;production&lt;/b&gt;" in page
    answer = client.post(ADD, form(club))
    row = EvidencePack.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, page_of(row))
    assert (row.end - row.start).days == 1
    assert "What was asked for" in client.get(page_of(row)).content.decode()
    built(row)
    page = client.get(page_of(row)).content.decode()
    for words in ("As signed", row.signer, row.sha256, "What it does not show", "no checkpoint was published outside"):
        assert words in page
    fetched = client.get(reverse("admin:audit_evidencepack_download", args=[row.pk]))
    data = b"".join(fetched.streaming_content)  # type: ignore[attr-defined]
    assert zipfile.ZipFile(io.BytesIO(data)).namelist()[0] == "manifest.json"
    assert fetched["X-SHA256"] == row.sha256
    assert 'filename="evidence-Club-b-production-b-caf' in fetched["Content-Disposition"]
    assert LedgerEntry.objects.get(action="evidence.download").actor == "charlie"


def test_staff_may_neither_ask_nor_download(cast: Cast, club: Target, make: Make) -> None:
    row, client = make(club), signed_in(cast.alice)
    assert client.get(ADD).status_code == 403
    assert client.post(ADD, form(club)).status_code == 403
    assert client.get(reverse("admin:audit_evidencepack_download", args=[row.pk])).status_code == 403
    page = client.get(page_of(row)).content.decode()
    assert "Managers and auditors may download it" in page
    assert EvidencePack.objects.count() == 1


def test_a_period_that_ends_before_it_begins_is_a_clear_word(cast: Cast, club: Target) -> None:
    days = {"first": "2026-10-01", "last": "2026-07-01"}
    answer = signed_in(cast.miriam).post(ADD, form(club, **days))
    assert answer.status_code == 409
    assert "evidence.period_invalid" in answer.content.decode()
    assert not EvidencePack.objects.exists()


def test_no_signing_key_is_a_clear_word(cast: Cast, club: Target, keys: Any) -> None:
    (keys / "signing-key.pem").unlink()
    answer = signed_in(cast.miriam).post(ADD, form(club))
    assert (answer.status_code, "key.missing" in answer.content.decode()) == (409, True)


def test_a_form_without_target_or_day_asks_again(cast: Cast, club: Target) -> None:
    client = signed_in(cast.miriam)
    for data in (form(club, targets=[]), form(club, first="yesterday"), form(club, parts=[]), form(club, targets=[0])):
        assert client.post(ADD, data).status_code == 200
    assert not EvidencePack.objects.exists()


def test_verified_again_it_says_so(cast: Cast, club: Target, make: Make) -> None:
    row, client = make(club), signed_in(cast.miriam)
    assert (
        "Everything is as it was signed." in client.post(act_url(row, "verify", row.pk), follow=True).content.decode()
    )
    data = bytearray(file_of(row).read_bytes())
    data[-1] ^= 1
    file_of(row).write_bytes(data)
    page = client.post(act_url(row, "verify", row.pk), follow=True).content.decode()
    assert "Not as signed" in page
    download = client.get(reverse("admin:audit_evidencepack_download", args=[row.pk]), follow=True)
    assert "evidence.damaged" in download.content.decode()
    assert LedgerEntry.objects.filter(action="evidence.verify").count() == 2


def test_the_list_says_how_each_one_is(cast: Cast, club: Target, make: Make) -> None:
    make(club)
    page = signed_in(cast.charlie).get("/admin/audit/evidencepack/").content.decode()
    for words in ("As signed", "Club &lt;b&gt;production&lt;/b&gt; | café", "Evidence packs"):
        assert words in page
    assert "<b>production" not in page


def test_a_pack_whose_file_is_gone_says_so(cast: Cast, club: Target, make: Make) -> None:
    row, client = make(club), signed_in(cast.miriam)
    file_of(row).unlink()
    page = client.get(reverse("admin:audit_evidencepack_download", args=[row.pk]), follow=True).content.decode()
    assert "evidence.unknown" in page
    EvidencePack.objects.update(path="")
    assert "The pack was removed" in client.get(page_of(row)).content.decode()
