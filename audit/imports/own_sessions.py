"""tovgov's own sessions among those that a server tells of: by role, by application and by the place they come from."""

from __future__ import annotations

from collections.abc import Callable

from audit.clients import LOCAL
from audit.imports.connections import Login
from audit.imports.server_logs.own_runs import SLACK, given_up, own_roles
from audit.models import Target
from audit.postgres.logs.own import OURS


def own_sessions(target: Target) -> Callable[[Login], bool]:
    """Whether a login of ``target`` is tovgov's own. An application's name is anybody's to choose, and a role may be
    shared with people: it must also come from where the server saw tovgov itself come. A role that tovgov has given up
    counts until then."""
    roles, former, places = own_roles(target), given_up(target), frozenset(target.own_addresses)

    def is_own(login: Login) -> bool:
        place = login.address or ("" if login.host else LOCAL)
        if not login.application.startswith(OURS) or place not in places:
            return False
        return login.role in roles or (login.role in former and login.at <= former[login.role] + SLACK)

    return is_own
