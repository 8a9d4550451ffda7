"""A schema that differs is told object by object; what must differ is not."""

from __future__ import annotations

import pytest

from audit.models import Target
from audit.postgres.connect import ConnInfo, connect
from backups.manifest import Manifest
from backups.models import BackupCopy
from backups.schema import compare_schema, differences
from tests.backups.house import back_up, run_sql

WANTED = [
    "extension hstore: version 1.7 in public",
    "table public.a: persistent",
    "table column public.a.b: integer",
    "event trigger watch: ddl_command_end",
]


def test_equal_is_equal() -> None:
    assert differences(WANTED, WANTED) == []


def test_missing_added_and_changed_objects_are_named() -> None:
    found = ["extension hstore: version 1.8 in public", "table public.a: unlogged", "table public.c: persistent"]
    assert differences(WANTED, found) == [
        "missing from the schema: event trigger watch, table column public.a.b",
        "not in the schema that was backed up: table public.c",
        "other than in the schema that was backed up: table public.a",
    ]


def test_many_are_not_all_told() -> None:
    assert differences([f"table t{i}: x" for i in range(9)], []) == [
        "missing from the schema: table t0, table t1, table t2, table t3, table t4 and 4 more"
    ]


def test_only_what_was_left_out_may_be_missing() -> None:
    assert differences(WANTED, WANTED[:3], may_miss=("event trigger ",)) == []
    assert differences(WANTED, WANTED[1:3], may_miss=("event trigger ",)) == [
        "missing from the schema: extension hstore"
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("DROP VIEW calm", "missing from the schema: view column public.calm.word"),
        ('ALTER TABLE "Player One" ADD COLUMN extra int', "not in the schema that was backed up"),
        ("ALTER FUNCTION twice(int) STRICT", "other than in the schema that was backed up: function"),
        ('ALTER TABLE "Player One" ALTER COLUMN born SET NOT NULL', "born"),
    ],
)
def test_a_change_of_the_live_schema_is_seen(target: Target, world: ConnInfo, change: str, says: str) -> None:
    backup = back_up(target)
    manifest = Manifest.from_dict(backup.manifest)
    copy = BackupCopy.objects.get(backup=backup)
    with connect(world) as connection:
        assert compare_schema(manifest, connection, copy, ()) == []
        run_sql(world, change)
        assert says in "; ".join(compare_schema(manifest, connection, copy, ()))
        assert compare_schema(manifest, connection, None, ()) == ["the schema differs from the one that was backed up"]
