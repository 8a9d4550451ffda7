"""How the demo ends: what each recovery took, where the admin is, who may sign in; and the same as a file."""

from __future__ import annotations

import json
from pathlib import Path

from django.conf import settings

from tovgov.demo.acts import Recovery
from tovgov.demo.stage import Stage
from tovgov.demo.theatre import Theatre

HEADERS = ("What happened", "Rows before", "left", "after", "RTO s", "RPO s", "Swap ms", "Backup bytes")


def show(stage: Stage, house: Theatre, recoveries: list[Recovery], *, succeeded: bool) -> None:
    """The last table, and ``report.json`` beside it. Row counts are the demo's own."""
    stage.console.print()
    stage.table(HEADERS, [tuple(recovery.as_dict().values()) for recovery in recoveries])
    facts = {
        "succeeded": succeeded,
        "seconds_to_first_page": round(house.page_seconds, 2),
        "seconds": round(stage.elapsed, 2),
        "recoveries": [recovery.as_dict() for recovery in recoveries],
    }
    Path(settings.VAR_DIR, "report.json").write_text(json.dumps(facts, indent=2) + "\n")
    stage.tell(f"The whole demo took {stage.elapsed:.0f} s; {'all is proved' if succeeded else 'NOT all is proved'}.")


def logins(stage: Stage, house: Theatre) -> None:
    """The address and the people. The passwords were made for this demo and stand nowhere else."""
    stage.console.print()
    stage.tell(f"The admin: {house.url}")
    stage.table(("User", "Password"), [(person.name, person.password) for person in house.people.values()])
