"""Passwords on the command line: asked for on the terminal, read from standard input or from an environment variable.
Never an argument: every user of the machine sees those."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from typing import Any

from audit.exceptions import PasswordMissing


def password_arguments(parser: argparse.ArgumentParser) -> None:
    """``--password-stdin``, ``--password-env`` and ``--no-password``; without any of them a terminal is asked."""
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--password-stdin", action="store_true", help="read the password from the first line of stdin")
    ways.add_argument("--password-env", metavar="NAME", help="read the password from this environment variable")
    ways.add_argument("--no-password", action="store_true", help="the server asks for none (a socket, a certificate)")


def read_password(options: dict[str, Any], what: str) -> str:
    """The password for ``what``, by the way that the options name. Raises ``PasswordMissing``."""
    if options["no_password"]:
        return ""
    if options["password_env"]:
        name = options["password_env"]
        if not os.environ.get(name):
            raise PasswordMissing(f"The environment variable {name} is not set.")
        return os.environ[name]
    if options["password_stdin"]:
        return _required(sys.stdin.readline().rstrip("\r\n"))
    if not sys.stdin.isatty():
        raise PasswordMissing("There is no terminal to ask for the password.")
    return _required(getpass.getpass(f"Password of {what}: "))


def _required(password: str) -> str:
    if not password:
        raise PasswordMissing("The password is empty.")
    return password
