"""A signing key, and sources whose entries are sealed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction

from audit.models import ConnectionAuditLog, ImportKind, ImportSource
from audit.seals import entries
from tests.factories import ConnectionAuditLogFactory, ImportSourceFactory, TargetFactory


def write_key(path: Path) -> Ed25519PrivateKey:
    """A new signing key at ``path``."""
    key = Ed25519PrivateKey.generate()
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
    return key


@pytest.fixture
def keys(tmp_path: Path, settings: Any) -> Path:
    folder = tmp_path / "keys"
    folder.mkdir()
    settings.TOVGOV_KEYS = folder
    write_key(folder / "signing-key.pem")
    return folder


@pytest.fixture
def source(db: None) -> ImportSource:
    """Six sealed sessions of a target."""
    made = ImportSourceFactory(target=TargetFactory(name="Club"), kind=ImportKind.SAMPLES)
    add(made, 6)
    return made


def add(source: ImportSource, count: int, **facts: Any) -> list[ConnectionAuditLog]:
    """More sessions of ``source``, sealed."""
    with transaction.atomic():
        rows = [
            ConnectionAuditLogFactory.build(target=source.target, import_source=source, **facts) for _ in range(count)
        ]
        entries.seal_connections(source, rows)
        return ConnectionAuditLog.objects.bulk_create(rows)


def execute(*statements: str) -> None:
    """As whoever owns tovgov's own database."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for statement in statements:
            cursor.execute(statement)


def as_owner(table: str, *statements: str) -> None:
    """The same, with the guards of ``table`` switched off as only its owner can."""
    with transaction.atomic():
        execute(f"ALTER TABLE {table} DISABLE TRIGGER USER", *statements, f"ALTER TABLE {table} ENABLE TRIGGER USER")
