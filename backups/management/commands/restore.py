"""``manage.py restore``: replace a database by a backup, merge missing rows, copy to another target; undo and redo."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from audit.exceptions import ApprovalMissing, UsageError
from audit.lookup import find_target
from backups.lookup import find_backup, find_restore
from backups.management.restoring import RestoringCommand, facts
from backups.models import Restore, RestoreMode
from backups.restore import undo

MODES = (RestoreMode.REPLACE, RestoreMode.MERGE, RestoreMode.COPY)
HINT = "manage.py restore --help explains the words."
TURNS = {"undo": undo.undo, "redo": undo.redo, "drop-kept": undo.drop_kept}


class Command(RestoringCommand):
    help = (
        "Restore a backup. The live database is only read until the proved one takes its name. "
        "'restore undo N', 'restore redo N' and 'restore drop-kept N' act on a finished restore."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        self.restoring_arguments(parser)
        parser.add_argument("words", nargs="+", metavar="BACKUP", help="its number, its name, or latest:TARGET")
        parser.add_argument("--mode", choices=[str(mode) for mode in MODES], default=str(RestoreMode.REPLACE))
        parser.add_argument("--into", metavar="TARGET", help="for a copy: the other target")
        parser.add_argument("--table", action="append", default=[], help="for a merge: SCHEMA.TABLE; repeatable")
        parser.add_argument("--owner", action="append", default=[], metavar="OLD=NEW", help="for a copy; repeatable")
        parser.add_argument("--with-privileges", action="store_true", help="for a copy: grants of the backup too")
        parser.add_argument("--override-loss", action="store_true", help="restore though rows are lost; needs approval")

    def handle(self, *args: Any, **options: Any) -> None:
        first, *more = options["words"]
        if first in TURNS:
            self._turn(first, more, options)
            return
        if more:
            raise UsageError(f"One backup at a time: what is {more[0]!r}?", hint=HINT)
        mode, backup = RestoreMode(options["mode"]), find_backup(first)
        if (mode == RestoreMode.COPY) != bool(options["into"]):
            raise UsageError("--into TARGET goes with --mode copy.", hint=HINT)
        self.act(
            backup,
            find_target(options["into"]) if options["into"] else backup.target,
            mode,
            options,
            merge_tables=options["table"],
            owner_map=_owner_map(options["owner"]),
            with_privileges=options["with_privileges"],
            override_loss=options["override_loss"],
        )

    def _turn(self, word: str, more: list[str], options: dict[str, Any]) -> None:
        if len(more) != 1:
            raise UsageError(f"restore {word} takes the number of one restore.", hint=HINT)
        restore, actor = find_restore(more[0]), self.actor(options)
        try:
            done = TURNS[word](restore, actor=actor, reason=options["reason"])
        except ApprovalMissing:
            approval = undo.ask_to_drop(restore, actor=actor, reason=options["reason"])
            raise ApprovalMissing(f"Approval {approval.pk} is asked for: {approval.summary}") from None
        self.emit(options, facts(done), _turned(word, done))


def _turned(word: str, restore: Restore) -> str:
    if word == "drop-kept":
        return "The database that was kept is gone for good."
    return (
        f"{word.capitalize()} took {restore.swap_milliseconds or 0:.0f} ms. "
        f'What was in service until now is kept as "{restore.kept_database}".'
    )


def _owner_map(pairs: list[str]) -> dict[str, str]:
    """``OLD=NEW``; a name may hold no "=" then, which is what the admin's form is for."""
    for pair in pairs:
        if pair.count("=") != 1:
            raise UsageError(f"--owner wants OLD=NEW, not {pair!r}.", hint=HINT)
    return dict(pair.split("=") for pair in pairs)
