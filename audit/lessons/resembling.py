"""What resembles an incident: former incidents and lessons of its kind, target, causes and words, each with the reason
why it was found.

Words are compared as PostgreSQL's English full-text search has them, so that "deleted" meets "deletes"; words of other
languages are compared as they are. Points are few and plain, so that a person can say why something was found: there is
no learned model behind them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from audit.lists.listing import lexeme
from audit.models import Cause, Incident, IncidentKind, Lesson

KIND = TARGET = CAUSE = 2.0
WORD, MOST_WORDS = 0.75, 6
ENOUGH = 3.0
"""Points. One likeness alone is not enough: the same kind and one word more is, and so are four words."""
CANDIDATES = 100
WORDED = 300
"""So many of the newest that share a word are compared: their words are made anew, which takes time."""
ASKED = 300
"""So many words of an incident are looked for."""
COMMON_FROM = 8
"""Among so many candidates, a word that stands in more than half of them says nothing."""
SHOWN_WORDS = 6

NAMED_CAUSES = [cause.value for cause in Cause if cause != Cause.UNKNOWN]

WORDS_OF_INCIDENT = (
    "SELECT tsvector_to_array(tovgov_incident_words"
    "(title, reason, summary, trigger, root_causes, contributing_factors)) FROM audit_incident WHERE id = %s"
)

FORMER_INCIDENTS = """
WITH matching AS MATERIALIZED (
    SELECT id FROM audit_incident
     WHERE tovgov_incident_words(title, reason, summary, trigger, root_causes, contributing_factors)
           @@ %(words)s::tsquery AND id <> %(id)s AND opened_at <= %(at)s
),
found AS (
    (SELECT id FROM matching ORDER BY id DESC LIMIT %(worded)s)
    UNION
    (SELECT id FROM audit_incident WHERE target_id = %(target)s AND kind = %(kind)s AND kind <> 'other'
        AND id <> %(id)s AND opened_at <= %(at)s ORDER BY opened_at DESC LIMIT %(most)s)
    UNION
    (SELECT id FROM audit_incident WHERE causes && %(causes)s::varchar[]
        AND id <> %(id)s AND opened_at <= %(at)s ORDER BY opened_at DESC LIMIT %(most)s)
)
SELECT id, ARRAY(SELECT unnest(tsvector_to_array(
               tovgov_incident_words(title, reason, summary, trigger, root_causes, contributing_factors)))
           INTERSECT SELECT unnest(%(lexemes)s::text[]))
  FROM audit_incident JOIN found USING (id)
"""

LESSONS = """
WITH matching AS MATERIALIZED (
    SELECT id FROM audit_lesson
     WHERE tovgov_lesson_words(problem, cause, solution, tags) @@ %(words)s::tsquery
       AND retired_at IS NULL AND incident_id IS DISTINCT FROM %(id)s
),
found AS (
    (SELECT id FROM matching ORDER BY id DESC LIMIT %(worded)s)
    UNION
    (SELECT id FROM audit_lesson WHERE target_id = %(target)s AND kind = %(kind)s AND kind <> 'other'
        AND retired_at IS NULL AND incident_id IS DISTINCT FROM %(id)s ORDER BY id DESC LIMIT %(most)s)
)
SELECT id, ARRAY(SELECT unnest(tsvector_to_array(tovgov_lesson_words(problem, cause, solution, tags)))
           INTERSECT SELECT unnest(%(lexemes)s::text[]))
  FROM audit_lesson JOIN found USING (id)
"""


@dataclass(frozen=True, slots=True)
class Likeness:
    """A former incident or a lesson, and why it was found."""

    found: Incident | Lesson
    score: float
    reasons: tuple[str, ...]

    @property
    def is_lesson(self) -> bool:
        return isinstance(self.found, Lesson)


def resembling(incident: Incident, n: int = 5) -> list[Likeness]:
    """The ``n`` former incidents and the ``n`` lessons that resemble it most, the likest first; fewer, or none, when
    nothing is like it."""
    lexemes = _lexemes(incident)
    spoken = _spoken(incident, lexemes)
    likenesses: list[Likeness] = []
    for model, statement in ((Incident, FORMER_INCIDENTS), (Lesson, LESSONS)):
        shared = _candidates(statement, incident, lexemes)
        rows = model._default_manager.filter(pk__in=shared).select_related("target")
        found = [_compare(incident, row, [spoken.get(word, word) for word in shared[row.pk]]) for row in rows]
        found = [one for one in found if one.score >= ENOUGH]
        likenesses += sorted(found, key=lambda one: (one.score, one.found.pk), reverse=True)[:n]
    return sorted(likenesses, key=lambda one: (one.score, not one.is_lesson, one.found.pk), reverse=True)


def _lexemes(incident: Incident) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(WORDS_OF_INCIDENT, [incident.pk])
        row = cursor.fetchone()
    return [word for word in (row[0] if row else []) if len(word) > 2 and not word.isdecimal()][:ASKED]


def _spoken(incident: Incident, lexemes: Sequence[str]) -> dict[str, str]:
    """The word that a person wrote for each lexeme: nobody knows what a "databas" is."""
    text = " ".join((incident.title, incident.reason, incident.summary, incident.trigger,
                     incident.root_causes, incident.contributing_factors))  # fmt: skip
    words = sorted(set(re.findall(r"[^\W_]+", text[:200_000].lower())), key=len, reverse=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT word, (tsvector_to_array(to_tsvector('pg_catalog.english', word)))[1] FROM unnest(%s::text[]) word",
            [words],
        )
        return {stem: word for word, stem in cursor.fetchall() if stem in set(lexemes)}


def _candidates(statement: str, incident: Incident, lexemes: Sequence[str]) -> dict[int, list[str]]:
    """Id → the words it shares, without those that nearly all share."""
    causes = [cause for cause in incident.causes if cause in NAMED_CAUSES]
    asked: dict[str, Any] = {
        "id": incident.pk, "at": incident.opened_at, "most": CANDIDATES, "worded": WORDED, "target": incident.target_id,
        "kind": incident.kind, "causes": causes, "lexemes": list(lexemes), "words": " | ".join(map(lexeme, lexemes)),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        rows: list[tuple[int, list[str]]] = cursor.fetchall()
    times = Counter(word for _, words in rows for word in words)
    common = {word for word, count in times.items() if len(rows) >= COMMON_FROM and count * 2 > len(rows)}
    return {pk: sorted(set(words) - common) for pk, words in rows}


def _compare(incident: Incident, row: Incident | Lesson, words: Iterable[str]) -> Likeness:
    score, reasons = 0.0, []
    if incident.kind == row.kind != IncidentKind.OTHER:
        score, reasons = score + KIND, [f"the same kind, {incident.get_kind_display().lower()}"]
    if incident.target_id is not None and incident.target_id == row.target_id:
        score, reasons = score + TARGET, [*reasons, "the same target"]
    for cause in sorted(set(incident.causes) & set(getattr(row, "causes", ())) & set(NAMED_CAUSES)):
        score, reasons = score + CAUSE, [*reasons, f"the same cause, “{Cause(cause).label.lower()}”"]
    found = sorted(words, key=lambda word: (-len(word), word))
    if found:
        score += WORD * min(len(found), MOST_WORDS)
        reasons.append(f"the words {', '.join(found[:SHOWN_WORDS])}")
    return Likeness(row, score, tuple(reasons))
