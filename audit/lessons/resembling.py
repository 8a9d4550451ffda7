"""What resembles an incident: former incidents and lessons of its kind, target, causes and words, each with the reason
why it was found.

Words are compared as PostgreSQL's English full-text search has them, so that "deleted" meets "deletes"; words of other
languages are compared as they are. Points are few and plain, so that a person can say why something was found: there is
no learned model behind them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from audit.lists.listing import lexeme
from audit.models import Cause, Incident, IncidentKind, Lesson

KIND = TARGET = CAUSE = 2.0
WORD, MOST_WORDS = 0.75, 6
ENOUGH = 3.0
"""Points. One likeness alone is not enough: the same kind and two words more are, and so are four words."""
ASKED = 300
"""So many words of an incident are looked for."""
COMMON_FROM = 8
"""Among so many candidates, a word that stands in more than half of them says nothing."""
EVERYDAY = 500
"""A word that stands in more rows than this says nothing either: there are as many that it would put first. It keeps
the search below so many rows a word, however many there are."""
SHOWN_WORDS = 6

NAMED_CAUSES = [cause.value for cause in Cause if cause != Cause.UNKNOWN]

WORDS_OF_INCIDENT = (
    "SELECT tsvector_to_array(tovgov_incident_words"
    "(title, reason, summary, trigger, root_causes, contributing_factors)) FROM audit_incident WHERE id = %s"
)

FORMER_INCIDENTS = """
WITH shares AS MATERIALIZED (
    SELECT asked.word, found.id
      FROM unnest(%(lexemes)s::text[], %(words)s::text[]) AS asked (word, query)
     CROSS JOIN LATERAL (
        SELECT id FROM audit_incident
         WHERE tovgov_incident_words(title, reason, summary, trigger, root_causes, contributing_factors)
               @@ asked.query::tsquery
           AND id <> %(id)s AND opened_at <= %(at)s
         LIMIT %(everyday)s + 1
     ) AS found
),
like_it AS MATERIALIZED (
    SELECT id FROM audit_incident WHERE target_id = %(target)s AND kind = %(kind)s AND kind <> 'other'
        AND id <> %(id)s AND opened_at <= %(at)s
    UNION
    SELECT id FROM audit_incident WHERE causes && %(causes)s::varchar[] AND id <> %(id)s AND opened_at <= %(at)s
),
"""

LESSONS = """
WITH shares AS MATERIALIZED (
    SELECT asked.word, found.id
      FROM unnest(%(lexemes)s::text[], %(words)s::text[]) AS asked (word, query)
     CROSS JOIN LATERAL (
        SELECT id FROM audit_lesson
         WHERE tovgov_lesson_words(problem, cause, solution, tags) @@ asked.query::tsquery
           AND retired_at IS NULL AND incident_id IS DISTINCT FROM %(id)s
         LIMIT %(everyday)s + 1
     ) AS found
),
like_it AS MATERIALIZED (
    SELECT id FROM audit_lesson WHERE target_id = %(target)s AND kind = %(kind)s AND kind <> 'other'
        AND retired_at IS NULL AND incident_id IS DISTINCT FROM %(id)s
),
"""

LIKEST = """
candidates AS (
    SELECT count(*) AS number FROM (SELECT id FROM shares UNION SELECT id FROM like_it) AS each
),
telling AS (
    SELECT word FROM shares GROUP BY word
    HAVING count(*) <= %(everyday)s
       AND ((SELECT number FROM candidates) < %(common_from)s OR count(*) * 2 <= (SELECT number FROM candidates))
),
worded AS (
    SELECT id, array_agg(word ORDER BY word) AS words FROM shares JOIN telling USING (word) GROUP BY id
),
scored AS (
    SELECT each.id, coalesce(words, '{{}}') AS words,
           %(word)s * least(coalesce(cardinality(words), 0), %(most_words)s)
           + CASE WHEN each.kind = %(kind)s AND each.kind <> 'other' THEN %(same_kind)s ELSE 0 END
           + CASE WHEN each.target_id = %(target)s THEN %(same_target)s ELSE 0 END
           + {causes} AS score
      FROM (SELECT id FROM worded UNION SELECT id FROM like_it) AS likely
      JOIN {table} AS each USING (id)
      LEFT JOIN worded USING (id)
)
SELECT id, words FROM scored WHERE score >= %(enough)s ORDER BY score DESC, id DESC LIMIT %(most)s
"""
"""The words are looked up in the full-text index one by one, over all rows, so that no text is taken apart again."""

SHARED_CAUSES = (
    "%(same_cause)s * cardinality(ARRAY(SELECT unnest(each.causes) INTERSECT SELECT unnest(%(causes)s::varchar[])))"
)
STATEMENTS: dict[type[Incident | Lesson], str] = {
    Incident: FORMER_INCIDENTS + LIKEST.format(table="audit_incident", causes=SHARED_CAUSES),
    Lesson: LESSONS + LIKEST.format(table="audit_lesson", causes="0"),
}


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
    nothing is like it. All that there are are searched, however old."""
    lexemes = _lexemes(incident)
    spoken = _spoken(incident, lexemes)
    likenesses: list[Likeness] = []
    for model in (Incident, Lesson):
        shared = _likest(model, incident, lexemes, n)
        rows = model._default_manager.filter(pk__in=shared).select_related("target")
        likenesses += [_compare(incident, row, [spoken.get(word, word) for word in shared[row.pk]]) for row in rows]
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


def _likest(
    model: type[Incident | Lesson], incident: Incident, lexemes: Sequence[str], most: int
) -> dict[int, list[str]]:
    """Id → the words it shares, without those that nearly all share."""
    asked: dict[str, Any] = {
        "id": incident.pk, "at": incident.opened_at, "target": incident.target_id, "kind": incident.kind,
        "causes": [cause for cause in incident.causes if cause in NAMED_CAUSES], "lexemes": list(lexemes),
        "words": [lexeme(word) for word in lexemes], "word": WORD, "most_words": MOST_WORDS, "same_kind": KIND,
        "same_target": TARGET, "same_cause": CAUSE, "enough": ENOUGH, "common_from": COMMON_FROM, "everyday": EVERYDAY,
        "most": most,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(STATEMENTS[model], asked)
        return dict(cursor.fetchall())


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
