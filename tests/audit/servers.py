"""How a test registers a database of a real server as a target."""

from __future__ import annotations

from typing import Any

from audit import targets
from audit.actors import Actor
from audit.models import Environment, Purpose, Target
from audit.postgres.connect import ConnInfo


def address_of(info: ConnInfo) -> dict[str, Any]:
    """Host, port and database of ``info`` as fields of a target."""
    return {"host": info.host, "port": info.port, "database": info.database}


def facts_of(info: ConnInfo, **more: Any) -> dict[str, Any]:
    """Keyword arguments for ``targets.register``: the address and role of ``info``."""
    known = {"environment": Environment.STAGING, "credentials": {Purpose.BACKUP: (info.user, info.password)}}
    return known | address_of(info) | more


def register(info: ConnInfo, *, name: str = "TovPlay staging", actor: Actor | None = None, **more: Any) -> Target:
    """A target, registered by tovgov itself unless an actor is given."""
    return targets.register(name, actor=actor or Actor.system("tests"), **facts_of(info, **more))
