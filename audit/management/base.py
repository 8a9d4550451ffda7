"""What every tovgov command shares: who acts, ``--json``, errors as sentences with documented exit codes.

A command's ``handle`` calls one verb. A ``TovgovError`` ends on stderr as ``code: sentence`` with its hint below, and
the process ends with the error's ``ExitStatus``; anything else is a bug and shows its traceback.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from audit.actors import Actor
from audit.exceptions import ExitStatus, TovgovError, UnknownActor
from audit.management.following import follow
from audit.models import Job


def cli_source() -> str:
    """Where an act of the command line comes from, as the ledger names it."""
    return f"cli {socket.gethostname()}"


class TovgovCommand(BaseCommand):
    """Base of all commands. A subclass with sub-commands calls ``self.verb(...)`` in ``add_arguments``; one without
    calls ``self.common(parser)``."""

    _verbs: Any = None

    def add_arguments(self, parser: CommandParser) -> None:
        self.common(parser)

    def common(self, parser: argparse.ArgumentParser) -> None:
        """``--json`` and ``--as``, which every command takes."""
        parser.add_argument("--json", action="store_true", help="print facts as JSON on stdout, and nothing else there")
        parser.add_argument("--as", dest="user", metavar="USER", help="the tovgov user who acts (or TOVGOV_USER)")

    def job_arguments(self, parser: argparse.ArgumentParser) -> None:
        """``--queue`` and ``--wait``, for commands that start a job."""
        parser.add_argument("--queue", action="store_true", help="leave the job to the workers instead of running it")
        parser.add_argument("--wait", action="store_true", help="with --queue: follow the job to its end")

    def verb(
        self, parser: CommandParser, name: str, act: Callable[[dict[str, Any]], None], help_text: str
    ) -> argparse.ArgumentParser:
        """A sub-command ``name`` that calls ``act(options)``."""
        if self._verbs is None:
            self._verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        sub: argparse.ArgumentParser = self._verbs.add_parser(name, help=help_text, description=help_text)
        self.common(sub)
        sub.set_defaults(act=act)
        return sub

    def handle(self, *args: Any, **options: Any) -> None:
        options["act"](options)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run it; a ``TovgovError`` becomes a sentence, a hint and an exit status."""
        try:
            return super().execute(*args, **options)
        except TovgovError as error:
            self.complain(error, as_json=bool(options.get("json")))
            sys.exit(int(error.exit_status))
        except KeyboardInterrupt:
            self.stderr.write("Interrupted.")
            sys.exit(int(ExitStatus.CANCELLED))

    def complain(self, error: TovgovError, *, as_json: bool) -> None:
        """Say what is wrong on stderr; with ``--json`` the same facts go to stdout."""
        if as_json:
            self.print_json({"error": error.as_dict()})
        self.stderr.write(f"{error.code}: {error.message}\n{error.hint}")

    # --- who acts ---------------------------------------------------------------------------------------------

    def actor(self, options: dict[str, Any]) -> Actor:
        """The person named by ``--as`` or TOVGOV_USER. Raises ``UnknownActor``."""
        name = options.get("user") or os.environ.get("TOVGOV_USER", "")
        if not name:
            raise UnknownActor("Say who acts.")
        user = User.objects.filter(username=name, is_active=True).first()
        if user is None:
            raise UnknownActor(f'There is no active tovgov user "{name}".')
        return Actor.person(user, cli_source())

    # --- what is shown ----------------------------------------------------------------------------------------

    def emit(self, options: dict[str, Any], facts: Any, shown: RenderableType | None = None) -> None:
        """Print ``facts`` as JSON with ``--json``, else ``shown`` (text or a rich table) for a person."""
        if options.get("json"):
            self.print_json(facts)
        elif shown is not None:
            self.console().print(Text(shown) if isinstance(shown, str) else shown)

    def print_json(self, facts: Any) -> None:
        self.stdout.write(json.dumps(facts, indent=2, ensure_ascii=False, default=str))

    def console(self) -> Console:
        """A rich console on the command's stdout; plain, and unwrapped, when it is no terminal."""
        out = getattr(self.stdout, "_out", sys.stdout)
        return Console(file=out, markup=False, highlight=False, width=None if out.isatty() else 200)

    @staticmethod
    def table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
        """A plain table; cells are shown as they are, whatever signs a name has."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for header in headers:
            table.add_column(header, overflow="fold")
        for row in rows:
            table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
        return table

    # --- jobs -------------------------------------------------------------------------------------------------

    def run_job(self, job: Job, task: Callable[[int], None], options: dict[str, Any], *, actor: Actor) -> Job:
        """Run ``job`` in this process and show it live, or leave it to the workers (``--queue``, ``--wait``).
        Raises the error that the job ended with."""
        if options.get("queue") and not options.get("wait"):
            return job
        return follow(
            job,
            here=None if options.get("queue") else task,
            actor=actor,
            err=self.stderr,
            quiet=bool(options.get("json")) or options.get("verbosity") == 0,
        )
