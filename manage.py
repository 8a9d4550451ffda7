#!/usr/bin/env python
"""The command line of tovgov."""

import os
import signal
import sys
from contextlib import nullcontext
from types import FrameType

WITHOUT_SETTINGS = {"", "help", "version"}
WITHOUT_DATABASE = WITHOUT_SETTINGS | {"check", "makemigrations", "collectstatic", "findstatic", "diffsettings"}


def command_of(arguments: list[str]) -> str:
    """The command's name in ``arguments`` (without the program's); none when help or the version is asked for."""
    if not arguments or {"-h", "--help", "--version"} & set(arguments):
        return ""
    return arguments[0]


def needs_database(arguments: list[str]) -> bool:
    """Whether the command speaks to tovgov's own database."""
    return command_of(arguments) not in WITHOUT_DATABASE or "--database" in arguments


def end_in_order(number: int, frame: FrameType | None) -> None:
    """SIGTERM unwinds the stack like Ctrl-C, so that servers started for this command are stopped."""
    sys.exit(128 + number)


def main() -> int:
    """Run the management command named in ``sys.argv`` and return its exit status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tovgov.settings")
    signal.signal(signal.SIGTERM, end_in_order)
    from django.core.management import execute_from_command_line

    from audit.exceptions import TovgovError

    arguments = sys.argv[1:]
    try:
        if command_of(arguments) == "demo":
            from tovgov.demo import surroundings

            surroundings.prepare()  # before anything reads where tovgov keeps its things
        from tovgov import environment, keys
        from tovgov.own_database import own_database

        if command_of(arguments) not in WITHOUT_SETTINGS:
            keys.ensure() if environment.EMBEDDED else keys.require()
        embedded = environment.EMBEDDED and needs_database(arguments)
        with own_database(environment.EMBEDDED_DATA) if embedded else nullcontext():
            execute_from_command_line(sys.argv)
    except TovgovError as error:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


if __name__ == "__main__":
    sys.exit(main())
