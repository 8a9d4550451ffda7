"""The formats of a report: to add one, copy a file and list it here. Each has SUFFIX, MEDIA, MOST and ``write``."""

from __future__ import annotations

from types import ModuleType

from audit.exceptions import ReportInvalid
from audit.models import ExportFormat
from audit.reports.formats import csv, json, markdown, pdf, xlsx

FORMATS: dict[str, ModuleType] = {
    str(ExportFormat.CSV): csv,
    str(ExportFormat.XLSX): xlsx,
    str(ExportFormat.PDF): pdf,
    str(ExportFormat.MARKDOWN): markdown,
    str(ExportFormat.JSON): json,
}


def find(kind: str) -> ModuleType:
    """Raises ``ReportInvalid``."""
    if kind not in FORMATS:
        raise ReportInvalid(f"“{kind[:20]}” is no format of a report; there are {', '.join(FORMATS)}.")
    return FORMATS[kind]
