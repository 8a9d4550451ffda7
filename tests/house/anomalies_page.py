"""``docs/anomalies.md``, made from the rules themselves: ``python -m tests.house.anomalies_page`` writes it anew."""

from __future__ import annotations

import os

from tests.house.documented import ROOT

FILE = ROOT / "docs" / "anomalies.md"
HEAD = """# Anomaly rules

A rule says what is strange among the entries of a target's logs: deletes, connections, the server's log. Workers run
all rules once a minute over what is new. What a rule finds becomes one [alert](alerts.md) with the entries that it
rests on; some open an incident. This page is made from the rules: `python -m tests.house.anomalies_page`.

## At three in the morning

1. Open the alert. It names the rule, and cites the first 20 entries with the number of all. Open them: who, from
   where, with which statement.
2. **What is always safe:** looking, acknowledging, silencing, a dry run of a rule, a dry run of an
   [undelete](undelete.md), a new backup. **What is not:** restoring over a database that people still write to,
   restarting a server whose disk is full, stopping a role of which you do not know what it does.
3. If rows or objects are gone, time counts: [recovery](recovery.md) says which way back.
4. A false alarm is worth five minutes the next day: try other thresholds on the past, then keep them.

## Thresholds, and trying them on the past

*Anomaly rules* in the admin lists every rule of every target. On a rule's page are its switches and thresholds. **Try
it on the past** says what it would have found in the last days with the thresholds in the form: when, on what, with
its first entries. It writes nothing, and it is what the live run would have done over the same entries. **Keep**
stores them, with your name in the ledger. On the command line:

```
manage.py anomalies list "TovPlay production"
manage.py anomalies dry-run "TovPlay production" delete-burst least=500 --days 60 --as alice
manage.py anomalies set "TovPlay production" delete-burst least=500 --severity warning --no-incident --as miriam
manage.py anomalies set "TovPlay production" off-hours --on zone=Asia/Jerusalem roles=tovplay_app --as miriam
```

Who may review may try; managers change.

## What is counted, and when it is over

- Hits of one role, address or table (the *key*) that are less than *Over after* apart are one finding. A finding ends
  with its day (UTC): a burst over midnight is two.
- One alert is open for each rule, target and key. A finding that grows, or a new one, is counted in it.
- The alert resolves by itself when nothing was found for *Over after*. *Deletes that were not captured* waits until a
  person has acknowledged it.
- Entries that come late or out of order are examined when they come, with those around them: the findings are the
  same in whatever order the entries came. What is older than 7 days when it comes is kept as a finding and raises no
  alert.
- A long past that comes at once (the logs of a quarter) is examined day by day, the last day first, some days a
  minute: today's entries wait for no old ones. How many days are left stands beside the rule's last run.
- A rule whose alerts open an incident joins the target's open one: one night is one incident.
- Rules about the server's log need its [import](imports.md); those about deletes the protection policy; those about
  connections any [source](connections.md) of them. A rule without its log finds nothing, and does not say so: look at
  *Imports*.
- *Outside a window* means outside every [maintenance window](protection.md) of the target.
- What tovgov itself did (protection, windows, restores, backups) is not counted; the same by its role from another
  session is ([how it is told](noise.md#what-tovgov-did-itself)).

"""


def page() -> str:
    """The whole document."""
    from audit.anomalies.rules import ALL

    rows = "".join(
        f"| [{rule.label}](#{rule.code}) | `{rule.code}` | {rule.severity} | {'yes' if rule.opens_incident else 'no'}"
        f" | {'on' if rule.is_on else 'off'} |\n"
        for rule in ALL
    )
    table = f"| Rule | Code | Severity | Opens an incident | At first |\n|---|---|---|---|---|\n{rows}"
    return f"{HEAD}## The rules\n\n{table}\n{''.join(map(_rule, ALL))}".rstrip() + "\n"


def _rule(rule: object) -> str:
    settings = "".join(
        f"| `{s.name}` | {s.label} | {_value(s.default)} | {s.help} |\n"
        for s in rule.settings  # type: ignore[attr-defined]
    )
    means, todo = rule.means, rule.todo  # type: ignore[attr-defined]
    table = f"| Setting | | Default | |\n|---|---|---|---|\n{settings}"
    return f"### {rule.code}\n\n**What it means.** {means}\n\n**What to do.** {todo}\n\n{table}\n"  # type: ignore[attr-defined]


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "none"


def main() -> None:
    """Write the page."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    FILE.write_text(page())


if __name__ == "__main__":
    main()
