"""``manage.py undelete``: deleted rows put back, after a dry run of exactly the same."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from audit.exceptions import UndeleteRefused
from audit.jobs import facts as job_facts
from audit.management.base import TovgovCommand
from audit.models import Undelete
from audit.tasks import run_undelete
from audit.undelete import request
from audit.undelete.findings import ACCEPTABLE


class Command(TovgovCommand):
    help = "Put deleted rows back: a dry run that shows everything, then the act, with a proof."

    def add_arguments(self, parser: CommandParser) -> None:
        self.common(parser)
        parser.add_argument("transactions", nargs="*", type=int, help="numbers of delete transactions")
        parser.add_argument("--rows", nargs="+", type=int, default=[], metavar="ROW", help="only these deleted rows")
        parser.add_argument("--dry-run", action="store_true", help="put them back, prove them, and take all of it back")
        parser.add_argument("--leave-conflicts", action="store_true", help="leave out rows in whose way another row is")
        parser.add_argument(
            "--accept", action="append", default=[], choices=sorted(ACCEPTABLE), help="a loss that is accepted"
        )
        parser.add_argument("--reason", default="")
        parser.add_argument("--ask", action="store_true", help="ask for the approval that production needs")
        self.job_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        actor = self.actor(options)
        target, wanted = request.wish(
            options["transactions"],
            options["rows"],
            on_conflict="skip" if options["leave_conflicts"] else "refuse",
            accept=options["accept"],
        )
        if options["ask"]:
            approval = request.ask_approval(target, wanted, actor=actor, reason=options["reason"])
            self.emit(options, {"approval": approval.pk}, f"Approval {approval.pk} is asked for: {approval.summary}")
            return
        verb = request.dry_run if options["dry_run"] else request.request
        undelete = verb(target, wanted, actor=actor, reason=options["reason"])
        job = self.run_job(undelete, run_undelete, options, actor=actor)
        undelete.refresh_from_db()
        facts = job_facts(job) | {"plan": undelete.plan, "outcome": undelete.outcome}
        self.emit(options, facts, f"{undelete} is queued." if undelete.is_open else in_words(undelete))
        if undelete.plan.get("refusals"):
            raise UndeleteRefused(refusals=undelete.plan["refusals"])


def in_words(undelete: Undelete) -> str:
    """The plan for a person: each table with its statement, and all that was found."""
    plan, lines = undelete.plan, []
    for number, table in enumerate(plan["tables"], 1):
        lines.append(f"{number}. {table['into'] or table['table']}: {table['put']} of {table['rows']} rows")
        lines += [f"   | {line}" for line in table["statement"].splitlines()]
        lines += [f"   {finding['code']}: {finding['sentence']}" for finding in table["findings"]]
        lines += [f"     row {e['log']}: {_difference(e)}" for f in table["findings"] for e in f["examples"]]
    lines += [f"{m['sequence']} is set from {m['before']} to {m['now']}." for m in plan["sequences"]]
    would = "would come back; nothing was changed" if undelete.dry_run else "came back, and each equals the one deleted"
    return "\n".join([*lines, f"{plan['put']} of {plan['rows']} rows {would}."])


def _difference(example: dict[str, Any]) -> str:
    columns = example.get("columns", [])
    return ", ".join(f"{c['column']} {c['deleted']}, now {c['live']}" for c in columns) or str(example.get("value", ""))
