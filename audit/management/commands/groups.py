"""``manage.py groups``: the four groups, each with exactly the permissions it should have."""

from __future__ import annotations

from typing import Any

from audit.groups import GROUPS, ensure_groups
from audit.management.base import TovgovCommand


class Command(TovgovCommand):
    help = "Make the groups manager, staff, auditor and approver, and set their permissions. Safe to run again."

    def handle(self, *args: Any, **options: Any) -> None:
        ensure_groups()
        names = {name: sorted(permissions) for name, permissions in GROUPS.items()}
        cells = [(name, ", ".join(permissions) or "nothing: may only look") for name, permissions in names.items()]
        self.emit(options, names, self.table(("group", "may, besides looking"), cells))
