"""``manage.py demo``: a database is emptied, dropped and damaged for real, and brought back."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from audit.exceptions import ExitStatus, TovgovError
from tovgov import services
from tovgov.demo import ending
from tovgov.demo.interruption import Interruption, interruptible
from tovgov.demo.stage import Stage
from tovgov.demo.story import Story
from tovgov.demo.theatre import HOST, Theatre, theatre
from tovgov.embedded import free_port

PORT = 8000


class Command(BaseCommand):
    help = "Play the demo on a database of its own, then serve the admin until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="end after the story; status 0 only when all is proved")
        parser.add_argument("--scale", type=int, default=1, metavar="N", help="multiply the rows (default: 1)")
        parser.add_argument("--s3", action="store_true", help="copy to an S3 server on loopback too")
        parser.add_argument("--port", type=int, help="port of the admin (default: 8000, or a free one)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["scale"] < 1:
            raise CommandError("--scale takes a whole number from 1.")
        stage = Stage(self.stdout)
        with interruptible() as interruption:
            try:
                status = self.play(stage, options, interruption)
            except KeyboardInterrupt:
                status = ExitStatus.CANCELLED
            except TovgovError as error:
                status = error.exit_status
                self.stderr.write(f"{error.code}: {error.message}\n{error.hint}")
            finally:
                connections.close_all()
        stage.tell("Everything has ended; no server is left running.")
        sys.exit(int(status))

    def play(self, stage: Stage, options: dict[str, Any], interruption: Interruption) -> ExitStatus:
        """The story, its end, and the admin until Ctrl-C; how the story ended."""
        port = options["port"] or (PORT if not services.answers(HOST, PORT) else free_port())
        with theatre(stage, interruption, port=port, scale=options["scale"], with_store=options["s3"]) as house:
            status = self.tell(stage, house, options["scale"])
            ending.logins(stage, house)
            if not options["once"]:
                stage.tell("tovgov serves until Ctrl-C.")
                with suppress(KeyboardInterrupt):
                    house.supervisor.wait()
        return status

    def tell(self, stage: Stage, house: Theatre, scale: int) -> ExitStatus:
        """Play the story; its last table, or the error of the step that went wrong."""
        story = Story(stage, house)
        status = ExitStatus.OK
        try:
            story.play(scale)
        except TovgovError as error:
            status = error.exit_status
            self.stderr.write(f"{error.code}: {error.message}\n{error.hint}")
        ending.show(stage, house, story.recoveries, succeeded=status == ExitStatus.OK)
        return status
