"""What a report does not say outright: its kind, its severity, stamps that its timeline tells."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from audit.incident_reports.draft import Draft
from audit.incident_reports.times import leading
from audit.models import IncidentKind, Severity
from audit.models.incidents import STAMPS

SEVERITIES = (
    (Severity.CRITICAL, r"critical|sev(?:erity)?[- ]?[01]|p[01]|high(?:est)?|blocker|disaster|severe|emergency"),
    (Severity.WARNING, r"warning|sev(?:erity)?[- ]?[23]|p[23]|medium|moderate|major"),
    (Severity.INFO, r"info(?:rmational)?|sev(?:erity)?[- ]?[45]|p[45]|low|minor|trivial"),
)
KINDS = (
    (
        IncidentKind.DROPPED,
        r"drop(?:ped)?\s+(?:the\s+)?(?:\w+\s+)?database|dropdb"
        r"|database\s+(?:\w+\s+)?(?:was|were|got|is)\s+(?:\w+\s+)?dropped|dropdb",
    ),
    (
        IncidentKind.WRONG,
        r"wrong\s+(?:database|name|host|server|environment|cluster)"
        r"|(?:different|misspelt|misspelled)\s+(?:database|name)",
    ),
    (IncidentKind.SYNC, r"\bsync(?:ed|hroni[sz]ation|ing)?\b|replicat\w+"),
    (
        IncidentKind.DATA_LOSS,
        r"data\s+loss|deleted|truncated?|emptied|wiped|lost\s+rows"
        r"|rows?\s+(?:were\s+)?(?:lost|gone|removed)",
    ),
    (IncidentKind.ACCESS, r"unauthori[sz]ed|breach|intrusion|leaked?\s+(?:password|credential|key)|brute[- ]force"),
    (IncidentKind.SCHEMA, r"schema\s+(?:drift|gap|mismatch)|missing\s+(?:column|table)|migration\s+(?:failed|missing)"),
    (IncidentKind.BACKUP, r"backups?\s+(?:\w+\s+)?(?:failed|missing|broken|corrupt\w*|empty)|failed\s+backups?"),
)
TITLE_WEIGHT = 5
TOLD = (
    ("detected_at", r"\b(?:detect|notic|discover|alert|report(?:ed|s)\b|page[dr]|complain|tells|told)", False),
    ("acknowledged_at", r"\b(?:acknowledg|takes it|took it|on[- ]call (?:joins|joined|responds)|investigat)", False),
    ("mitigated_at", r"\b(?:mitigat|contain(?:ed|s)|stopp(?:ed)?|disabled|switched off)", False),
    ("resolved_at", r"\b(?:resolved|restored|recovered|back to normal|all clear|is back|back online|verified)", True),
)  # fmt: skip
"""Stamp, the words of a line that tells it, and whether the last such line counts instead of the first."""
DAY = re.compile(r"\d{4}[-_.]\d{2}[-_.]\d{2}|\d{1,2}\.\d{1,2}\.\d{4}|\d{1,2} \w+,? \d{4}|\w+ \d{1,2},? \d{4}")


def severity_of(words: str) -> str:
    """Ours for theirs; nothing when nobody can say."""
    return next((str(level) for level, fits in SEVERITIES if re.search(rf"\b(?:{fits})\b", words, re.IGNORECASE)), "")


def severity_rest(words: str) -> str:
    """What else a severity says."""
    return re.sub("|".join(rf"\b(?:{fits})\b" for _, fits in SEVERITIES), "", words, flags=re.IGNORECASE).strip(
        " .()*_`,/"
    )


def day_of(words: str) -> date | None:
    """The first date in a title or in a file's name."""
    for hit in DAY.finditer(words):
        found = leading(hit[0].replace("_", "-"), day=None, zone=UTC)
        if found is not None and found.day is not None:
            return found.day
    return None


def complete(draft: Draft, text: str) -> None:
    """Guess the kind, and stamps from the timeline; ``draft.guessed`` names them."""
    draft.kind = str(kind_of(draft.title, text))
    events = sorted((datetime.fromisoformat(event.at), event.text) for event in draft.events)
    if not events:
        return
    found = {"began_at": events[0][0]} if "began_at" not in draft.stamps else {}
    for name, words, is_last in TOLD:
        hits = [at for at, told in events if re.search(words, told, re.IGNORECASE)]
        if hits and name not in draft.stamps:
            found[name] = hits[-1] if is_last else hits[0]
    for name, at in found.items():
        if _in_order(draft, name, at):
            draft.stamps[name] = at.isoformat()
            draft.guessed.append(name)


def kind_of(title: str, text: str) -> IncidentKind:
    """The kind whose words come up most; words in the title weigh more."""
    scores = {
        kind: TITLE_WEIGHT * len(re.findall(words, title, re.IGNORECASE)) + len(re.findall(words, text, re.IGNORECASE))
        for kind, words in KINDS
    }
    best = max(scores, key=lambda kind: scores[kind])
    return best if scores[best] else IncidentKind.OTHER


def _in_order(draft: Draft, name: str, at: datetime) -> bool:
    place = STAMPS.index(name)
    known = {other: datetime.fromisoformat(value) for other, value in draft.stamps.items()}
    return all(at >= known[one] for one in STAMPS[:place] if one in known) and all(
        at <= known[one] for one in STAMPS[place + 1 :] if one in known
    )
