"""Sources of server logs in a browser: the forms on a desk and on a phone, a try, an upload of several files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.admin.base import act_url
from audit.models import AuditImport, ImportSource, Target
from audit.templatetags.tovgov import page_of
from tests.audit.imports.server_logs.conftest import records, write
from tests.browser import scenery
from tests.browser.test_every_page import wrong_with
from tests.browser.visitor import DESK, PHONE, Visitor

Visit = Callable[..., Visitor]
LIST = "/admin/audit/importsource/"


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_nothing_is_wrong_with_the_pages_of_log_sources(transactional_db: None, visit: Visit, width: int) -> None:
    scenery.build()
    target = Target.objects.get(name="TovPlay production")
    sources = list(ImportSource.objects.filter(target=target))
    unused = next(source for source in sources if source.kind == "sql")
    folder = next(source for source in sources if source.kind == "folder")
    paths = [LIST, f"{LIST}add/?target={target.pk}", f"{LIST}upload/?target={target.pk}", page_of(target)]
    paths += [page_of(source) for source in sources]
    paths += [f"{LIST}{folder.pk}/edit/", act_url(unused, "remove", unused.pk), act_url(folder, "pause", folder.pk)]
    assert wrong_with(visit("miriam", width=width), paths) == ""


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_log_is_tried_and_uploaded(
    transactional_db: None, visit: Visit, width: int, tmp_path: Path, settings: Any
) -> None:
    settings.TOVGOV_SPOOL = tmp_path / "spool"
    scenery.build()
    target = Target.objects.get(name="Shop development")
    folder = tmp_path / "log"
    folder.mkdir()
    files = [write(folder / "a.csv", records(0, 5)), write(folder / "b.log", b"\x00\x01" * 500)]
    miriam = visit("miriam", width=width)
    miriam.go(f"{LIST}add/?target={target.pk}")
    miriam.page.fill("#source_folder", str(folder))
    miriam.press("Try, store nothing")
    assert miriam.sees("2 files would be read")
    assert miriam.faults() == []
    miriam.shot(f"log-source-tried-{width}")
    miriam.press("Add")
    assert miriam.sees("is read once a minute")
    miriam.go(f"{LIST}upload/?target={target.pk}")
    miriam.shot(f"log-upload-{width}")
    miriam.page.set_input_files("#upload_logs", [str(file) for file in files])
    miriam.press("Upload")
    assert miriam.sees("b.log is kept until a worker has read it.")
    assert miriam.faults() == []
    assert AuditImport.objects.get(source__target=target, source__kind="sent").state == "queued"
    waiting = [file for file in settings.TOVGOV_SPOOL.rglob("*") if file.is_file()]
    assert sorted(file.name[13:] for file in waiting) == ["a.csv", "b.log"]
