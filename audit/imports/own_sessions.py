"""tovgov's own sessions among those that a server tells of: by role, by application and by the place they come from."""

from __future__ import annotations

from collections.abc import Callable

from audit.clients import LOCAL
from audit.imports.connections import Login
from audit.imports.server_logs.own_runs import own_roles
from audit.models import Target
from audit.postgres.logs.own import OURS


def own_sessions(target: Target) -> Callable[[Login], bool]:
    """Whether a login of ``target`` is tovgov's own. An application's name is anybody's to choose, and a role may be
    shared with people: it must also come from where the server saw tovgov itself come."""
    roles, places = own_roles(target), frozenset(target.own_addresses)

    def is_own(login: Login) -> bool:
        place = login.address or ("" if login.host else LOCAL)
        return login.role in roles and login.application.startswith(OURS) and place in places

    return is_own
