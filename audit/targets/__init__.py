"""Targets: registered once with a pinned identity, confirmed at every connection, refused when they differ."""

from audit.targets.pins import check_sentinels, confirm, connected, identify, pin, pinned
from audit.targets.reach import conninfo, credential, maintenance
from audit.targets.registration import (
    Sentinel,
    lower_environment,
    register,
    remove_sentinel,
    set_credential,
    set_sentinel,
    update,
)
from audit.targets.watch import check, confirm_all

__all__ = [
    "Sentinel",
    "check",
    "check_sentinels",
    "confirm",
    "confirm_all",
    "connected",
    "conninfo",
    "credential",
    "identify",
    "lower_environment",
    "maintenance",
    "pin",
    "pinned",
    "register",
    "remove_sentinel",
    "set_credential",
    "set_sentinel",
    "update",
]
