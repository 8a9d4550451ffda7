"""Bad configuration of backups, as Django system checks. Same habit as ``audit.checks``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from audit.exceptions import TovgovError
from backups import conf, signing
from backups.exceptions import ToolMissing
from backups.tools.encryption import load_recipients
from backups.tools.finding import Tool, find_tool

TOOLS = ("pg_dump", "pg_restore", "pg_dumpall")
NUMBERS = (
    ("TOVGOV_LOSS_SHARE", 0.0, 0.999, "backups.E001", "It is a share: 0 allows no loss, 0.01 one row in a hundred."),
    ("TOVGOV_MAX_BACKUPS", 1, 1000, "backups.E002", "2 is a good number of backups at once."),
    ("TOVGOV_STALL_SECONDS", 10, 86_400, "backups.E003", "300 seconds is a good beginning."),
    ("TOVGOV_PROOF_DAYS", 1, 3650, "backups.E004", "7 is a good number of days."),
    ("TOVGOV_KEEP_FORMER_DAYS", 0, 3650, "backups.E005", "7 is a good number of days."),
)


@register(Tags.compatibility)
def check_numbers(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """Numbers that would switch a guard off."""
    return [
        Error(f"{name} must be between {least:g} and {most:g}.", hint, id=code)
        for name, least, most, code, hint in NUMBERS
        if not least <= getattr(settings, name) <= most
    ]


@register(Tags.security)
def check_keys(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """Who can read the backups, and who vouches for them."""
    found: list[CheckMessage] = []
    try:
        signing.signing_key()
    except TovgovError as error:
        found.append(Warning(error.message, error.hint, id="backups.W001"))
    if not conf.encrypt():
        hint = "Take TOVGOV_ENCRYPT=no off, unless every destination is as safe as the database itself."
        return [*found, Warning("Backups are not encrypted.", hint, id="backups.W003")]
    try:
        load_recipients(conf.age_recipients())
    except TovgovError as error:
        found.append(Warning(error.message, error.hint, id="backups.W002"))
    return found


@register(Tags.files)
def check_spool(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """Dumps are written to the spool before they are copied."""
    spool = conf.spool()
    place = next(folder for folder in (spool, *spool.parents) if folder.exists())
    if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
        return []
    hint = "Make the folder writable for tovgov's user, or point TOVGOV_SPOOL elsewhere."
    return [Warning(f"The spool {spool} cannot be written to.", hint, id="backups.W004")]


@register(Tags.compatibility, deploy=True)
def check_tools(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """The client tools: there, complete, without known faults. Asks each for its version."""
    found: list[CheckMessage] = []
    tools: dict[Path, list[Tool]] = {}
    for name in TOOLS:
        try:
            tool = find_tool(name, None, pg_bin=conf.pg_bin())
        except ToolMissing as error:
            found.append(Warning(error.message, error.hint, id="backups.W005"))
        else:
            tools.setdefault(tool.path.parent, []).append(tool)
    if len(tools) > 1:
        folders = ", ".join(map(str, tools))
        hint = "Install all of them from one package, or set TOVGOV_PG_BIN."
        found.append(Warning(f"The client tools come from several folders: {folders}.", hint, id="backups.W006"))
    words = {warning for group in tools.values() for tool in group for warning in tool.warnings}
    hint = "They work; see docs/targets.md on which client tools a target needs."
    return found + [Warning(warning, hint, id="backups.W007") for warning in sorted(words)]
