"""What can be done with a finished restore: undo it, redo it, let the former database go."""

from __future__ import annotations

from typing import Any

from audit.actors import Actor
from audit.admin.acts import Act, Done, Reason
from audit.templatetags.format import moment
from audit.templatetags.tovgov import page_of
from backups.models import Restore, SwapState
from backups.restore import undo


class Undo(Act):
    """Put the former database back."""

    slug = "undo"
    label = "Undo"
    permission = "backups.request_restore"
    tone = "danger"
    in_list = False
    reason = Reason.NEEDED

    def applies(self, obj: Restore) -> bool:
        return obj.swap == SwapState.SWAPPED and bool(obj.kept_database)

    def consequences(self, obj: Restore) -> list[str]:
        return [
            f'The database that was "{obj.target.database}" before this restore comes back, as it was then.',
            "It is a rename: it takes milliseconds. Sessions that are connected are ended.",
            "The restored database is kept; Redo brings it back.",
            "What was written since the restore is in the restored database, and goes aside with it.",
        ]

    def perform(self, obj: Restore, *, actor: Actor, data: dict[str, Any]) -> Done:
        undo.undo(obj, actor=actor, reason=data["reason"])
        return Done("Undone: the former database is in service again.")


class Redo(Undo):
    """Put the restored one back."""

    slug = "redo"
    label = "Redo"

    def applies(self, obj: Restore) -> bool:
        return obj.swap == SwapState.UNDONE and bool(obj.kept_database)

    def consequences(self, obj: Restore) -> list[str]:
        return [
            "The restored database goes into service again.",
            "It is a rename: it takes milliseconds. Sessions that are connected are ended.",
            "The one of now is kept; Undo brings it back.",
        ]

    def perform(self, obj: Restore, *, actor: Actor, data: dict[str, Any]) -> Done:
        undo.redo(obj, actor=actor, reason=data["reason"])
        return Done("Redone: the restored database is in service again.")


class DropKept(Undo):
    """Let the kept database go, for good."""

    slug = "drop-kept"
    minor = True
    label = "Drop the kept database"

    def applies(self, obj: Restore) -> bool:
        return obj.swap in undo.KEPT and bool(obj.kept_database)

    def consequences(self, obj: Restore) -> list[str]:
        until = f" It would have been kept until {moment(obj.kept_until)}." if obj.kept_until else ""
        return [f'"{obj.kept_database}" is dropped.{until}', "After that nothing can be undone or redone."]

    def warning(self, objects: Any) -> str:
        return "This cannot be taken back. The backups stay."

    def typed_name(self, objects: Any) -> str:
        return str(objects[0].kept_database)

    def perform(self, obj: Restore, *, actor: Actor, data: dict[str, Any]) -> Done:
        undo.drop_kept(obj, actor=actor, reason=data["reason"])
        return Done("The kept database is gone.")


class AskToDrop(DropKept):
    """On production a second person agrees first."""

    slug = "ask-to-drop"
    minor = True
    label = "Ask to drop the kept database"
    tone = ""

    def applies(self, obj: Restore) -> bool:
        return obj.target.is_production and super().applies(obj)

    def consequences(self, obj: Restore) -> list[str]:
        return [f'A second person decides whether "{obj.kept_database}" may be dropped.', "Nothing happens until then."]

    def warning(self, objects: Any) -> str:
        return ""

    def typed_name(self, objects: Any) -> str:
        return ""

    def perform(self, obj: Restore, *, actor: Actor, data: dict[str, Any]) -> Done:
        approval = undo.ask_to_drop(obj, actor=actor, reason=data["reason"])
        return Done("Asked. A second person decides.", page_of(approval))


ACTS: list[Act] = [Undo(), Redo(), DropKept(), AskToDrop()]
