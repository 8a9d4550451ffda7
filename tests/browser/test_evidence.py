"""Evidence packs in a browser: an auditor asks for one and reads it, in light, in the dark and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from audit import tasks
from audit.admin.base import act_url
from audit.models import EvidencePack, ImportKind
from audit.templatetags.tovgov import page_of
from tests import factories
from tests.audit.seals.conftest import add, write_key
from tests.browser.test_every_page import wrong_with
from tests.browser.visitor import DESK, PHONE, Visitor

Visit = Callable[..., Visitor]
ADD = "admin:audit_evidencepack_add"


@pytest.fixture
def keys(tmp_path: Path, settings: Any, people: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signing key, and a target with some sealed sessions; tests run the worker's task themselves."""
    settings.TOVGOV_KEYS, settings.TOVGOV_EXPORTS = tmp_path / "keys", tmp_path / "exports"
    settings.TOVGOV_KEYS.mkdir()
    write_key(settings.TOVGOV_KEYS / "signing-key.pem")
    target = factories.TargetFactory(name="TovPlay production", production=True)
    add(factories.ImportSourceFactory(target=target, kind=ImportKind.SAMPLES), 3)
    monkeypatch.setattr("audit.jobs.enqueue", lambda *given, **more: None)


def asked(auditor: Visitor) -> EvidencePack:
    """What an auditor asks for, from the list on."""
    auditor.go("/admin/audit/evidencepack/")
    auditor.page.click("a.addlink")
    auditor.page.get_by_label("TovPlay production").check()
    auditor.page.fill("#pack_reason", "The audit of the autumn")
    auditor.press("Ask for it")
    assert auditor.sees("Waiting for a worker")
    return EvidencePack.objects.get()


def test_an_auditor_asks_for_a_pack_and_takes_it_away(keys: None, visit: Visit) -> None:
    auditor = visit("charlie")
    row = asked(auditor)
    tasks.run_evidence(row.pk)  # the page loads itself again when it hears of the end
    for words in ("As signed", "What it does not show", "What its own verifier said"):
        assert auditor.sees(words)
    with auditor.page.expect_download() as download:
        auditor.press("Download")
    assert download.value.suggested_filename.startswith("evidence-TovPlay-production-")


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_nothing_is_wrong_with_the_pages_of_packs(keys: None, visit: Visit, width: int) -> None:
    auditor = visit("charlie", width=width)
    row = asked(auditor)
    tasks.run_evidence(row.pk)
    assert auditor.sees("As signed")  # the page has loaded itself again: nothing is on its way any more
    auditor.complaints.clear()
    paths = ["/admin/audit/evidencepack/", reverse(ADD), page_of(row), act_url(row, "verify", row.pk)]
    assert wrong_with(auditor, paths) == ""
