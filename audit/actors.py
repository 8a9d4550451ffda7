"""Who acts: every verb takes a keyword-only ``actor``, checks its permission and writes it to the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit.exceptions import NotPermitted

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, or tovgov itself (``user`` is None), and the way the act came in: ``admin 10.0.0.7``, ``cli host``."""

    name: str
    source: str
    user: User | None = None

    @classmethod
    def person(cls, user: User, source: str) -> Actor:
        """The signed-in ``user``, acting through ``source``."""
        return cls(name=user.get_username(), source=source, user=user)

    @classmethod
    def system(cls, source: str) -> Actor:
        """tovgov itself: the scheduler, a worker, the demo."""
        return cls(name="tovgov", source=source)

    def may(self, permission: str) -> bool:
        """Whether this actor holds ``permission`` ("app.codename"); tovgov itself holds all."""
        return self.user is None or (self.user.is_active and self.user.has_perm(permission))

    def require(self, permission: str) -> None:
        """Raise ``NotPermitted`` unless the actor holds ``permission``."""
        if not self.may(permission):
            raise NotPermitted(f"{self.name} does not have the permission {permission}.", permission=permission)
