"""The reports of a pack: what people read, of the same period and targets as the records beside them."""

from __future__ import annotations

from typing import BinaryIO, cast

from audit.evidence.members import Members
from audit.evidence.scope import Scope
from audit.exceptions import ReportTooLong
from audit.models import EvidencePack
from audit.reports import formats, known, make
from audit.reports import scope as scopes

WANTED = ("csv", "md", "markdown", "pdf")
"""Of what the reports can be: the formats whose bytes are the same for the same records, and that any machine opens."""


def write(members: Members, about: Scope, row: EvidencePack) -> list[str]:
    """Every report in each wanted format; what could not be written, a sentence each."""
    asked = {
        "from": [about.start.isoformat()],
        "to": [about.end.isoformat()],
        "zone": ["UTC"],
        "target": [str(key) for key in about.ids],
    }
    gaps = []
    for report in known.every().values():
        scope = scopes.read(report, asked, now=about.as_of)
        for kind in (one for one in WANTED if one in formats.FORMATS):
            try:
                with members.open(f"reports/{report.name}.{formats.find(kind).SUFFIX}") as out:
                    make.write(
                        scope, kind, cast(BinaryIO, out), made_by=row.asked_name, made_at=about.as_of, tell=members.tell
                    )
            except ReportTooLong as error:
                gaps.append(f"{error.message} The records hold them all.")
    return gaps
