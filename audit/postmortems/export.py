"""A post-mortem as a file: people's words, then what the record says, with the timeline and the loss table."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from types import ModuleType

from django.utils import timezone

from audit import documents, ledger
from audit.actors import Actor
from audit.documents import Document, Markdown
from audit.exceptions import FilterInvalid
from audit.models import PostMortem
from audit.postmortems import record
from audit.postmortems.write import VIEW

FORMATS: dict[str, ModuleType] = {"md": documents.markdown, "html": documents.html, "pdf": documents.pdf}


@dataclass(frozen=True, slots=True)
class Made:
    """A file ready to be handed out."""

    name: str
    media: str
    data: bytes
    sha256: str


def export(row: PostMortem, form: str, *, actor: Actor) -> Made:
    """The post-mortem as it stands, in ``FORMATS``; the ledger keeps who took it. Raises ``NotPermitted`` and
    ``FilterInvalid``."""
    actor.require(VIEW)
    if form not in FORMATS:
        raise FilterInvalid(f"“{form[:20]}” is no format; there are {', '.join(FORMATS)}.")
    doc = document(row, actor)
    if form == "pdf":
        out = io.BytesIO()
        documents.pdf.write(doc, out)
        data = out.getvalue()
    else:
        data = FORMATS[form].write(doc).encode()
    name = f"post-mortem-{row.incident.code}.{form}"
    made = Made(name, FORMATS[form].MEDIA, data, hashlib.sha256(data).hexdigest())
    ledger.append(
        "postmortem.export", actor=actor, obj=row, target=row.incident.target,
        format=form, revision=row.version, sha256=made.sha256, bytes=len(data),
    )  # fmt: skip
    return made


def document(row: PostMortem, actor: Actor) -> Document:
    """The parts of the export."""
    incident = row.incident
    state = f"{row.get_state_display()}, revision {row.version}"
    if row.reviewed_at:
        state += f", reviewed {row.reviewed_at:%Y-%m-%d}"
    return Document(
        title=f"Post-mortem of {incident.code}: {incident.title}",
        subtitle=state,
        parts=[record.head(incident), Markdown(row.text, shift=1), *record.appendix(incident)],
        made_at=timezone.now(),
        made_by=actor.name,
        zone=record.zone_name(),
    )
