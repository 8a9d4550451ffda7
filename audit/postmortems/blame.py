"""Words that blame: each is shown with its line, why it is a hint, and what to write instead. Nothing is forbidden.

After "Blameless PostMortems and a Just Culture" (J. Allspaw, 2012) and chapter 15 of "Site Reliability Engineering"
(Google, 2016): who fears blame hides facts, and the next incident finds the same gap.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User

from audit.documents.words import tokens
from audit.models import Incident
from audit.postmortems.roles import SHORTEST, roles

MOST = 50
CARE = "It judges a person. What would have helped anybody in that place?"
WHY_NOT = "Looking back everybody knows. What could be seen at that moment?"
ERROR = "It ends the search. What let one mistake come so far?"
ACT = "It says who did not do something. Say which step was missing, and why nothing noticed."

WORDS: Sequence[tuple[str, str, str]] = (
    (r"careless\w*|negligen\w*|sloppy|reckless\w*|incompeten\w*|lazy|stupid\w*|idiot\w*|dumb", CARE,
     "what the situation made likely"),
    (r"should(?:n['’]t| not)? have (?:known|seen|noticed|checked|realised|realized|been more careful)", WHY_NOT,
     "what would have shown it"),
    (r"could(?:n['’]t| not)? have been more careful|ought to have known", WHY_NOT, "what would have shown it"),
    (r"human error|user error|pilot error|operator error", ERROR, "the conditions that let it happen"),
    (r"(?:whose|his|her|their|the \w+['’]s) (?:fault|mistake)|culprits?", CARE, "the cause in the system"),
    (r"(?:is|are|was|were) (?:to blame|at fault|guilty)", CARE, "the cause in the system"),
    (r"(?:he|she|they|\w+) (?:forgot|neglected|didn['’]t bother|refused) to", ACT, "the step that was missing"),
    (r"obviously|everybody knows|of course|as usual", WHY_NOT, "the fact alone"),
)  # fmt: skip
"""Pattern, why it is shown, and what to say instead."""

RULES = [(re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), why, instead) for pattern, why, instead in WORDS]


@dataclass(frozen=True, slots=True)
class Hint:
    """A place in the text. ``line`` counts from 1."""

    line: int
    words: str
    why: str
    instead: str


def hints(text: str, incident: Incident) -> list[Hint]:
    """What may read as blame, in the order of the text; code is left out."""
    rules = [*_names(roles(incident)), *RULES]
    found = []
    for number, line in _prose(text):
        for pattern, why, instead in rules:
            found += [Hint(number, hit[0], why, instead) for hit in pattern.finditer(line)]
        if len(found) >= MOST:
            break
    return found[:MOST]


def _names(known: dict[str, str]) -> Iterable[tuple[re.Pattern[str], str, str]]:
    """People of this installation: their user names, and their full names."""
    people: dict[str, str] = {}
    for user in User.objects.filter(is_active=True):
        for name in (user.get_username(), user.get_full_name()):
            if len(name) >= SHORTEST:
                people[name.lower()] = known.get(user.get_username(), "the person’s role")
    if people:
        names = "|".join(re.escape(name) for name in sorted(people, key=len, reverse=True))
        pattern = re.compile(rf"(?<![\w.@-])(?:{names})(?![\w@-])", re.IGNORECASE)
        roles_here = sorted(set(known.values()))
        yield (
            pattern,
            "A name: the text is about what happened, not about a person.",
            " or ".join(f"“{role}”" for role in roles_here) or "the role: “the person on call”",
        )


def _prose(text: str) -> Iterable[tuple[int, str]]:
    """Lines with their numbers, without blocks of code and code spans."""
    code: set[int] = set()
    for token in tokens(text):
        if token.type in {"fence", "code_block"} and token.map:
            code.update(range(*token.map))
    for number, line in enumerate(text.split("\n")):
        if number not in code:
            yield number + 1, re.sub(r"(`+).*?\1", " ", line)
