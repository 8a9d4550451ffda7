"""Bad configuration of audit, as Django system checks: an Error where nothing can work or a guard would be off, else
a Warning, so that in an emergency recovery is not kept from starting by something beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

from audit import conf
from audit.exceptions import KeyMissing
from audit.ledger import is_sealed
from audit.models import Environment, LedgerHead, Severity, Target
from audit.models.fields import MAKE_A_KEY


@register(Tags.security)
def check_secret_keys(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """TOVGOV_SECRET_KEYS must hold at least one key, and nothing else."""
    keys = conf.secret_keys()
    if not keys:
        return [Error("TOVGOV_SECRET_KEYS is empty: no password can be stored or read.", MAKE_A_KEY, id="audit.E001")]
    bad = [place for place, key in enumerate(keys, start=1) if not _is_key(key)]
    if bad:
        words = f"Number {', '.join(map(str, bad))} of TOVGOV_SECRET_KEYS is no key."
        return [Error(words, MAKE_A_KEY, id="audit.E002")]
    if len(keys) > 1:
        hint = "Once every process has the new key: manage.py targets rotate-keys, then take the old ones off."
        return [Warning(f"{len(keys)} secret keys are in use.", hint, id="audit.W001")]
    return []


def _is_key(text: str) -> bool:
    try:
        Fernet(text)
    except ValueError:
        return False
    return True


@register(Tags.security)
def check_numbers(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """An approval that expires at once helps nobody, nor does an alarm that never ends."""
    found: list[CheckMessage] = []
    if conf.approval_hours() < 1:
        found.append(Error("TOVGOV_APPROVAL_HOURS is below 1.", "24 is a good number of hours.", id="audit.E003"))
    if conf.import_lag_minutes() < 2:
        hint = "Logs are read once a minute; 15 is a good number of minutes."
        found.append(Error("TOVGOV_IMPORT_LAG_MINUTES is below 2.", hint, id="audit.E004"))
    if conf.checkpoint_minutes() < 0:
        hint = "0 signs each minute; 5 is a good number of minutes."
        found.append(Error("TOVGOV_CHECKPOINT_MINUTES is below 0.", hint, id="audit.E013"))
    if strange := conf.incident_severities() - set(Severity.values):
        words = f"TOVGOV_INCIDENTS_AT names {', '.join(sorted(strange))}: no severity of an alert."
        found.append(Warning(words, f"There are {', '.join(Severity.values)}.", id="audit.W012"))
    return found


@register(Tags.security)
def check_debug(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """A page with source code for every error belongs to developers alone."""
    if not settings.DEBUG:
        return []
    hint = "Take TOVGOV_DEBUG off wherever others can reach the admin."
    return [Warning("TOVGOV_DEBUG is on: errors show source code and settings.", hint, id="audit.W002")]


@register(Tags.staticfiles, deploy=True)
def check_static(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """Without collected static files the admin has no style."""
    if settings.DEBUG or any(Path(settings.STATIC_ROOT).glob("*")):
        return []
    hint = "Run manage.py collectstatic --noinput; manage.py up does it by itself."
    return [Warning(f"There are no static files in {settings.STATIC_ROOT}.", hint, id="audit.W003")]


@register(Tags.database)
def check_database(app_configs: Any, databases: Sequence[str] | None = None, **options: Any) -> list[CheckMessage]:
    """What only tovgov's own database can tell; nothing before its first migration."""
    if "default" not in (databases or []) or not _is_migrated():
        return []
    return [*_ledger_is_ours(), *_own_database_fits()]


def _is_migrated() -> bool:
    tables = set(connections["default"].introspection.table_names())
    return {Target._meta.db_table, LedgerHead._meta.db_table} <= tables


def _ledger_is_ours() -> list[CheckMessage]:
    head = LedgerHead.objects.first()
    try:
        if head is None or is_sealed(head):
            return []
    except KeyMissing:
        return []  # audit.E001 says so
    hint = (
        "If a key was dropped before manage.py targets rotate-keys had run, put it back behind the new one before"
        " anything is written. If none was, run manage.py ledger verify and find out who changed the database."
    )
    return [Warning("No key in TOVGOV_SECRET_KEYS has sealed the ledger.", hint, id="audit.W010")]


def _own_database_fits() -> list[CheckMessage]:
    if not settings.EMBEDDED or not Target.objects.filter(environment=Environment.PRODUCTION, is_active=True).exists():
        return []
    hint = (
        "Its only copy lies on this machine's disk. Give tovgov a database of its own on a server that is backed up"
        " (DATABASE_URL), or keep copies of TOVGOV_VAR elsewhere."
    )
    return [Warning("Production targets are kept in the embedded database.", hint, id="audit.W011")]
