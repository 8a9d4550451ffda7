"""``manage.py window``: maintenance windows, and commands that run inside one."""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandParser

from audit.exceptions import WindowClosed, WindowCommandFailed
from audit.lookup import find_target
from audit.management.base import TovgovCommand
from audit.models import MaintenanceWindow
from audit.protection import windows

FIELDS = (
    "id", "rules", "reason", "minutes", "opened_by", "opened_at", "closes_at", "closed_at", "closed_by", "relocked_at",
    "ddl",
)  # fmt: skip


def facts(row: MaintenanceWindow) -> dict[str, Any]:
    """The window as ``--json`` prints it."""
    return {"target": row.target.name} | {name: getattr(row, name) for name in FIELDS}


class Command(TovgovCommand):
    help = "Let guards of a target stand aside for a while: for a migration, a repair."

    def add_arguments(self, parser: CommandParser) -> None:
        show = self.verb(parser, "list", self.list, "show windows, newest first, with the DDL that happened inside")
        show.add_argument("--limit", type=int, default=20)
        opened = self.verb(parser, "open", self.open, "open a window; with a command after -- run it inside and close")
        opened.add_argument("target")
        opened.add_argument("--minutes", type=int, required=True)
        opened.add_argument("--rules", required=True, help="codes of rules, with commas between")
        opened.add_argument("--reason", required=True)
        opened.add_argument("--ask", action="store_true", help="ask for the approval that production needs")
        take_command(opened)
        shut = self.verb(parser, "close", self.close, "close the open window of a target now and lock again")
        shut.add_argument("target")

    def list(self, options: dict[str, Any]) -> None:
        rows = list(MaintenanceWindow.objects.select_related("target")[: options["limit"]])
        cells = [(r.pk, r.target, ", ".join(r.rules), _state(r), r.opened_by, len(r.ddl), r.reason) for r in rows]
        headers = ("", "target", "rules", "state", "opened by", "DDL", "reason")
        self.emit(options, [facts(row) for row in rows], self.table(headers, cells))

    def open(self, options: dict[str, Any]) -> None:
        target, actor = find_target(options["target"]), self.actor(options)
        rules = [word.strip() for word in options["rules"].split(",") if word.strip()]
        asked = {"minutes": options["minutes"], "rules": rules, "reason": options["reason"], "actor": actor}
        if options["ask"]:
            approval = windows.ask_approval(target, **asked)
            self.emit(options, {"approval": approval.pk}, f"Approval {approval.pk} is asked for: {approval.summary}")
            return
        row = windows.open_window(target, **asked)
        if options["inside"]:
            self._run_inside(row, options["inside"], options)
        else:
            self.emit(options, facts(row), f"Open until {row.closes_at:%H:%M:%S} UTC; it closes by itself.")

    def _run_inside(self, row: MaintenanceWindow, command: Sequence[str], options: dict[str, Any]) -> None:
        """Run ``command``, and close the window however it ends."""
        try:
            status = subprocess.run(command, check=False).returncode
        except OSError as error:
            raise WindowCommandFailed(f"{command[0]} cannot be run: {error.strerror}.") from error
        finally:
            windows.close(row, actor=self.actor(options))
        self.emit(options, facts(row) | {"status": status}, f"Closed and locked; {len(row.ddl)} changes were listed.")
        if status:
            raise WindowCommandFailed(f"{command[0]} ended with status {status}.", status=status)

    def close(self, options: dict[str, Any]) -> None:
        target = find_target(options["target"])
        row = MaintenanceWindow.objects.filter(target=target, relocked_at=None).first()
        if row is None:
            raise WindowClosed(f"No window is open on {target}.")
        windows.close(row, actor=self.actor(options))
        self.emit(options, facts(row), f"Closed and locked; {len(row.ddl)} changes were listed.")


def take_command(parser: argparse.ArgumentParser) -> None:
    """What stands behind ``--`` goes to ``inside``, options of its own included; argparse alone cannot tell them."""
    parser.set_defaults(inside=[])
    parse = parser.parse_known_args

    def split(args: Any = None, namespace: Any = None) -> Any:
        words = list(args or ())
        place = words.index("--") if "--" in words else len(words)
        found, left = parse(words[:place], namespace)
        found.inside = words[place + 1 :]
        return found, left

    parser.parse_known_args = split  # type: ignore[method-assign]


def _state(row: MaintenanceWindow) -> str:
    if row.relocked_at is None:
        return f"open until {row.closes_at:%H:%M} UTC"
    return f"closed by {row.closed_by}"
