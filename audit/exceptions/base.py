"""What every error has: a stable code, a plain sentence and a hint that says what to do."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, ClassVar


class ExitStatus(IntEnum):
    """What a management command returns to the shell; documented in ``docs/commands.md``."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    INFRASTRUCTURE = 4
    PROOF_FAILED = 5
    CANCELLED = 6


class TovgovError(Exception):
    """Base of all errors that are meant for a person.

    ``permanent`` carries the caller's decision: a permanent error is never retried. ``detail`` holds facts for
    the page that shows the error (tables, counts); it must never hold a secret.
    """

    code: ClassVar[str] = "tovgov.error"
    sentence: ClassVar[str] = "Something went wrong."
    advice: ClassVar[str] = "Look at the job's log, then try again."
    permanent: ClassVar[bool] = True
    exit_status: ClassVar[ExitStatus] = ExitStatus.FAILED

    def __init__(self, message: str | None = None, *, hint: str | None = None, **detail: Any) -> None:
        self.message = message or self.sentence
        self.hint = hint or self.advice
        self.detail = detail
        super().__init__(self.message)

    def as_dict(self) -> dict[str, Any]:
        """The error as ``--json`` prints it."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "detail": self.detail}


def advice_of(code: str) -> str:
    """What to do about an error of which only its code was kept; nothing for a code that no error has."""
    waiting: list[type[TovgovError]] = [TovgovError]
    while waiting:
        one = waiting.pop()
        if one.code == code:
            return one.advice
        waiting += one.__subclasses__()
    return ""


class Refusal(TovgovError):
    """A guard said no. Nothing was changed."""

    code = "tovgov.refused"
    exit_status = ExitStatus.REFUSED


class InfrastructureFault(TovgovError):
    """A server, network or disk failed; the same act may succeed when it is back."""

    code = "tovgov.infrastructure"
    permanent = False
    exit_status = ExitStatus.INFRASTRUCTURE


class UsageError(TovgovError):
    """The words of a command or form do not fit."""

    code = "tovgov.usage"
    exit_status = ExitStatus.USAGE
