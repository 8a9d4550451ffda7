"""The seal: whoever alters, removes or adds an imported row is found out."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from audit.actors import Actor
from audit.exceptions import ExitStatus, NotPermitted, SealBroken
from audit.models import LedgerEntry, Target
from audit.postgres.connect import ConnInfo
from audit.seals import verify
from audit.seals.witnesses import SEALED
from tests.audit.imports.conftest import execute, imported

pytestmark = pytest.mark.django_db(transaction=True)
TOVGOV = Actor.system("tests")


@pytest.fixture
def filled(target: Target, info: ConnInfo) -> Target:
    execute(info, 'DELETE FROM shop."Order" WHERE "Id" <= 3')
    imported(target)
    execute(info, "DELETE FROM shop.keyless", 'DELETE FROM shop."Order" WHERE "Id" = 9')
    imported(target)
    return target


def test_what_nobody_touched_is_sound(filled: Target, auditor: Actor) -> None:
    verdict = verify.required(verify.verify(filled, actor=auditor))
    assert (verdict.sources, verdict.rows) == (1, 3012)


LOG = "audit_deleteauditlog"
OWNER = "audit_deleteaudittransaction"
FORGERIES = {
    "a row's text": f"UPDATE {LOG} SET row = replace(row, 'note 2', 'note 7') WHERE row LIKE '%note 2%'",
    "a row's key": f"UPDATE {LOG} SET key = '{{\"Id\":7}}' WHERE key = '{{\"Id\":2}}'",
    "a row's table": f"UPDATE {LOG} SET table_name = 'other' WHERE id = (SELECT max(id) FROM {LOG})",
    "a row's time": f"UPDATE {LOG} SET at = at - interval '1 day' WHERE id = (SELECT min(id) + 2 FROM {LOG})",
    "a row's place": f"UPDATE {LOG} SET position = 5000 WHERE id = (SELECT min(id) FROM {LOG})",
    "a row's query": f"UPDATE {LOG} SET query = 'SELECT 1' WHERE id = (SELECT min(id) + 2 FROM {LOG})",
    "who did it": f"UPDATE {OWNER} SET session_role = 'nobody' WHERE row_count = 3000",
    "where from": f"UPDATE {OWNER} SET client_address = '10.0.0.9' WHERE row_count = 3000",
    "the statement": f"UPDATE {OWNER} SET query = 'DELETE nothing' WHERE row_count = 3000",
    "a row gone": f"DELETE FROM {LOG} WHERE id = (SELECT min(id) + 100 FROM {LOG})",
    "all rows gone": f"DELETE FROM {LOG}",
    "a row put in": f"INSERT INTO {LOG} (target_id, of_transaction_id, record, position, at, verb, table_oid,"
    f" table_schema, table_name, key, masked, query, row) SELECT target_id, of_transaction_id, record, 9999, at, verb,"
    f" table_oid, table_schema, table_name, key, masked, '', row FROM {LOG} ORDER BY id LIMIT 1",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_found(filled: Target, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(FORGERIES[name])
        assert cursor.rowcount >= 1
    verdict = verify.verify(filled, actor=TOVGOV)
    assert not verdict.is_sound
    with pytest.raises(SealBroken):
        verify.required(verdict)


def test_an_import_that_says_less_than_its_seal_is_found(filled: Target) -> None:
    """Whoever removes the rows and mends the import's own row does not reach the ledger."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_auditimport SET rows = 0, seal = '', first_leaf = NULL, sealed_at = NULL")
        cursor.execute(f"DELETE FROM {LOG}")
    assert "leaves 0 to 3,011 are gone" in verify.verify(filled, actor=TOVGOV).faults[0]
    assert LedgerEntry.objects.filter(action=SEALED).count() == 2


def test_the_command_says_so(filled: Target, cast: object) -> None:
    out = StringIO()
    call_command("imports", "verify", filled.name, "--as", "charlie", "--json", stdout=out)
    assert json.loads(out.getvalue())["rows"] == 3012
    with connection.cursor() as cursor:
        cursor.execute(FORGERIES["who did it"])
    with pytest.raises(SystemExit) as ended:
        call_command("imports", "verify", filled.name, "--as", "charlie", stdout=StringIO(), stderr=StringIO())
    assert ended.value.code == ExitStatus.PROOF_FAILED


def test_who_may_not_look_may_not_verify(filled: Target, cast: object) -> None:
    from django.contrib.auth.models import User

    nobody = User.objects.create_user("dora")
    with pytest.raises(NotPermitted):
        verify.verify(filled, actor=Actor.person(nobody, "tests"))
