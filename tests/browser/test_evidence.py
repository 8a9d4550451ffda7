"""Evidence packs in a browser: an auditor asks for one and reads it, in light, dark and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from audit import tasks
from audit.admin.base import act_url
from audit.models import EvidencePack
from audit.templatetags.tovgov import page_of
from tests.audit.seals.conftest import write_key
from tests.browser import scenery
from tests.browser.test_every_page import wrong_with
from tests.browser.visitor import DESK, PHONE, Visitor

Visit = Callable[..., Visitor]
ADD = "admin:audit_evidencepack_add"


@pytest.fixture
def keys(tmp_path: Path, settings: Any) -> None:
    settings.TOVGOV_KEYS, settings.TOVGOV_EXPORTS = tmp_path / "keys", tmp_path / "exports"
    settings.TOVGOV_KEYS.mkdir()
    write_key(settings.TOVGOV_KEYS / "signing-key.pem")


def test_an_auditor_asks_for_a_pack_and_reads_it(transactional_db: None, visit: Visit, keys: None) -> None:
    scenery.build()
    auditor = visit("charlie")
    auditor.go("/admin/audit/evidencepack/")
    auditor.page.click("a.addlink")
    auditor.page.get_by_label("TovPlay production").check()
    auditor.page.fill("#pack_reason", "The audit of the autumn")
    auditor.press("Ask for it")
    assert auditor.sees("Waiting for a worker")
    row = EvidencePack.objects.get()
    tasks.run_evidence(row.pk)
    auditor.go(page_of(row))
    for words in ("As signed", "What it does not show", "What its own verifier said"):
        assert auditor.sees(words)
    with auditor.page.expect_download() as download:
        auditor.press("Download")
    assert download.value.suggested_filename.startswith("evidence-TovPlay-production-")
    for width, dark in ((DESK, False), (DESK, True), (PHONE, False), (PHONE, True)):
        paths = ["/admin/audit/evidencepack/", reverse(ADD), page_of(row), act_url(row, "verify", row.pk)]
        assert wrong_with(visit("charlie", width=width, dark=dark), paths) == ""
