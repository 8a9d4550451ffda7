"""``docs/protection-limits.md``, made from the attack suite's own declarations: ``python -m tests.house.limits_page``
writes it anew. That each of them is what really happens is tested in ``tests/audit/protection/attack``."""

from __future__ import annotations

from tests.house.documented import ROOT, write

FILE = ROOT / "docs" / "protection-limits.md"
HEAD = """# What protection holds, and what it does not

Each line is an act that the attack suite attempts (`manage.py protection attack`), and what becomes of it under the
ready-made policies. This page is made from the suite: `python -m tests.house.limits_page`; a test attempts every line
under every policy on PostgreSQL 15, 16 and 18 and fails when something else happens.

| Word | Meaning |
|---|---|
| refused | it is refused, or it changes nothing |
| recorded | every row that it took stands whole in the delete log |
| detected | it came through; the next look of tovgov, within a minute, finds it and raises an alert |
| **not covered** | it came through, and nothing in the database refuses, records or finds it |
| – | it makes no sense under this policy |

What is not covered is what backups are for. *Application*: a role that reads, writes and truncates every table.
*Owner*: the role that owned the database, its schemas and its tables before the policy was installed. *Createdb*: a
role that may make databases and owns nothing here.

## What never can be promised

- A superuser can undo everything, and can do it in one transaction that puts it back afterwards. Nothing inside a
  database holds a superuser: what he leaves behind is found, what he hides is not.
- Event triggers that are off for a session (`event_triggers = off`, PostgreSQL 17 and later, superusers only) leave
  no trace.
- `ALTER SYSTEM` by a superuser, files removed on the server's disk and a server that is shut down are not attempted:
  they would harm the server. Nothing in a database stands before them.
- `UPDATE` overwrites what was there, and `INSERT … ON CONFLICT DO UPDATE` too: the delete log keeps deleted rows
  only.
- Large objects and row security have no guard of their own.
- The delete log itself can be emptied or forged by a superuser until its rows are imported into tovgov.
"""


def page() -> str:
    """The whole document."""
    from audit.protection.attack.suite import GROUPS

    return HEAD + "".join(_group(title, attempts) for title, attempts in GROUPS)


def _group(title: str, attempts: tuple[object, ...]) -> str:
    from audit.protection.policies import READY_MADE

    columns = ["Attempt", "As", *(name.capitalize() for name in READY_MADE)]
    head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"
    return f"\n## {title}\n\n{head}" + "".join(map(_row, attempts))


def _row(attempt: object) -> str:
    from audit.protection.attack.attempt import Attempt
    from audit.protection.policies import READY_MADE, complete

    assert isinstance(attempt, Attempt)
    words = [attempt.title + (f" (PostgreSQL {attempt.since} and later)" if attempt.since > 15 else ""), attempt.role]
    for _, rules in READY_MADE.values():
        settings = {part["rule"]: part["settings"] for part in complete(rules)}
        applies = attempt.needs is None or attempt.needs.holds(settings)
        words.append(_word(str(attempt.promised(settings))) if applies else "–")
    return "| " + " | ".join(word.replace("|", "\\|") for word in words) + " |\n"


def _word(outcome: str) -> str:
    return f"**{outcome}**" if outcome == "not covered" else outcome


if __name__ == "__main__":
    write(FILE, page)
