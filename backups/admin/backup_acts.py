"""What can be done with a backup: verify it, prove it, hold it, release it."""

from __future__ import annotations

from typing import Any, ClassVar

from audit.actors import Actor
from audit.admin.acts import Act, Done, Reason
from audit.templatetags.tovgov import page_of
from backups import copies, holds, verify
from backups.models import Backup, CopyState, Level


def is_usable(backup: Backup) -> bool:
    """Succeeded, and its copies are not removed."""
    return backup.state == "succeeded" and backup.removed_at is None


class Verify(Act):
    """Read every byte; nothing is restored."""

    slug = "verify"
    label = "Verify"
    permission = "backups.verify_backup"
    level: ClassVar[Level] = Level.READABLE

    def applies(self, obj: Backup) -> bool:
        return is_usable(obj)

    def consequences(self, obj: Backup) -> list[str]:
        return [
            "One copy is fetched, decrypted and decoded to its last byte, and compared with its SHA-256.",
            "Nothing is restored and no database is touched.",
            "If anything is wrong the backup is marked as damaged and an alert is raised.",
        ]

    def perform(self, obj: Backup, *, actor: Actor, data: dict[str, Any]) -> Done:
        verification = verify.request(obj, self.level, actor=actor)
        return Done(f"{self.label}: queued for {obj}.", page_of(verification))


class Prove(Verify):
    """Restore it beside, compare everything."""

    slug = "prove"
    label = "Prove"
    tone = "primary"
    level = Level.PROVED

    def consequences(self, obj: Backup) -> list[str]:
        where = f"on {obj.target.proving_target}" if obj.target.proving_target else "beside the target"
        return [
            f"It is restored into a new scratch database {where}; the live database is not touched.",
            f"All {obj.tables or ''} tables are counted and hashed and compared with what was written down"
            " when the backup was made; foreign keys are checked.",
            "The scratch database is dropped at the end, whatever happens.",
        ]


class Hold(Act):
    """Keep it from being removed."""

    slug = "hold"
    label = "Hold"
    permission = "backups.hold_backup"
    reason = Reason.NEEDED

    def applies(self, obj: Backup) -> bool:
        return is_usable(obj) and not obj.is_held

    def consequences(self, obj: Backup) -> list[str]:
        return ["No rule of retention removes it, until somebody releases it."]

    def perform(self, obj: Backup, *, actor: Actor, data: dict[str, Any]) -> Done:
        holds.hold(obj, actor=actor, reason=data["reason"])
        return Done(f"{obj} is held.")


class Release(Hold):
    """Give it back to its policy."""

    slug = "release"
    label = "Release"

    def applies(self, obj: Backup) -> bool:
        return is_usable(obj) and obj.is_held

    def consequences(self, obj: Backup) -> list[str]:
        return [f"It was held because: {obj.hold_reason}", "Retention may remove it from now on, as its rules say."]

    def perform(self, obj: Backup, *, actor: Actor, data: dict[str, Any]) -> Done:
        holds.release(obj, actor=actor, reason=data["reason"])
        return Done(f"{obj} is released.")


class RetryCopies(Act):
    """Do not wait for the next try of its own."""

    slug = "retry-copies"
    label = "Retry failed copies"
    permission = copies.START

    def applies(self, obj: Backup) -> bool:
        return is_usable(obj) and any(copy.state == CopyState.FAILED for copy in obj.copies.all())

    def consequences(self, obj: Backup) -> list[str]:
        failed = [copy for copy in obj.copies.all() if copy.state == CopyState.FAILED]
        return [f"{copy.destination}: the backup is copied there from a good copy and read back." for copy in failed]

    def perform(self, obj: Backup, *, actor: Actor, data: dict[str, Any]) -> Done:
        queued = copies.retry_now(obj, actor=actor)
        return Done(f"{len(queued)} {'copy is' if len(queued) == 1 else 'copies are'} tried again now.")


ACTS: list[Act] = [Prove(), Verify(), RetryCopies(), Hold(), Release()]
