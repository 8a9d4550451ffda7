"""After a worker's death: what it left on the target's server is found by name and oid, finished or taken away."""

from __future__ import annotations

import logging

from django.db.models import Q

from audit.actors import Actor
from audit.exceptions import TovgovError
from audit.models import OPEN_STATES
from backups import spool
from backups.exceptions import RestoreRunning
from backups.models import Restore
from backups.restore.roles import drop_roles
from backups.restore.side_database import drop_side
from backups.restore.swap import exclusively, settle

logger = logging.getLogger(__name__)


def after_death(restore: Restore) -> None:
    """Settle a swap that nobody finished, drop the side database, take back roles, free the spool. Whoever holds the
    target now is alive and does it himself."""
    spool.sweep()
    try:
        with exclusively(restore.target):
            restore.refresh_from_db()
            settle(restore, actor=Actor.system("reaper"))
            drop_side(restore)
            drop_roles(restore)
    except RestoreRunning:
        logger.info("restore %s: its target is in other hands", restore.pk)


def tidy_all() -> None:
    """The same for every restore that is over and has left something (called once a minute): a server that was away
    when it should have been tidied up is back some day."""
    left = Q(intent__gt="") | Q(side_database__gt="")
    for restore in Restore.objects.filter(left).exclude(state__in=OPEN_STATES).select_related("target", "backup"):
        try:
            after_death(restore)
        except TovgovError as error:
            logger.warning("restore %s: %s %s", restore.pk, error.code, error.message)
