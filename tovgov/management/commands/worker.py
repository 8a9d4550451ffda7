"""``manage.py worker``: one cluster of workers, until SIGTERM."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tovgov import workers

QUEUE_VARIABLE = "Q_CLUSTER_NAME"


class Command(BaseCommand):
    help = "Work on a queue until SIGTERM; what runs is finished first. Signal this process alone, never its group."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--queue", choices=list(workers.QUEUES), default="short", help="short work, or long: backups and restores"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name = workers.QUEUES[options["queue"]]
        if os.environ.get(QUEUE_VARIABLE, workers.QUEUES["short"]) != name:
            # django-q2 reads it when it is imported, long before this line: begin anew.
            os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {QUEUE_VARIABLE: name})  # noqa: S606
        sys.exit(workers.run(options["queue"]))
