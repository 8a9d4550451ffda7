"""``manage.py up``: web and workers for real use, under one foreground command."""

from __future__ import annotations

import signal
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from audit.exceptions import TovgovError
from tovgov import services
from tovgov.supervisor import Supervisor


class Command(BaseCommand):
    help = "Bring the database up to date, then run web and workers until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: 8000)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            services.require_free_port(options["host"], options["port"])
            self.say("Bringing the database and the static files up to date.")
            services.prepare()
            self.serve(options["host"], options["port"])
        except TovgovError as error:
            self.stderr.write(f"{error.code}: {error.message}\n{error.hint}")
            sys.exit(int(error.exit_status))

    def serve(self, host: str, port: int) -> None:
        """Run everything until somebody asks to stop."""
        also = services.keep_database_up(self.say)
        supervisor = Supervisor(services.all_services(host, port), say=self.say, also=also)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: supervisor.request_stop())
        with supervisor:
            if services.wait_for_web(host, port, unless=supervisor.is_stopping):
                self.say(f"tovgov serves http://{host}:{port}/ - Ctrl-C ends it.")
            supervisor.wait()
        self.say("Everything has ended.")

    def say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()
