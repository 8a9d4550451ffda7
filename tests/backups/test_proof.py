"""What a proof compares, one difference at a time, in words a person can act on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audit.models import Target
from audit.postgres.connect import ConnInfo
from audit.progress import Progress
from backups.exceptions import ProofFailed
from backups.manifest import Manifest
from backups.proof import Proof, TableProof, prove
from tests.backups.house import back_up, run_sql
from tests.factories import BackupFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def manifest(target: Target) -> Manifest:
    return Manifest.from_dict(back_up(target).manifest)


def compare(info: ConnInfo, manifest: Manifest) -> Proof:
    return prove(info, manifest, Progress(BackupFactory(running=True, target__name="Other")))


def test_the_database_itself_is_equal_to_its_manifest(world: ConnInfo, manifest: Manifest) -> None:
    proof = compare(world, manifest)
    assert (proof.faults, proof.rows) == ([], 907)
    proof.require()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ('DELETE FROM "TABLE DATA"."x y" WHERE i = 7', '"TABLE DATA"."x y" has 6 rows of 7'),
        ('UPDATE "TABLE DATA"."x y" SET i = 8 WHERE i = 7', '"TABLE DATA"."x y" has 7 rows, but with other content'),
        ('DROP TABLE "TABLE DATA"."x y"', '"TABLE DATA"."x y" is missing (7 rows)'),
        ("CREATE TABLE extra (i int)", '"public"."extra" is not in the manifest'),
        ("SELECT lo_unlink(4242)", "there are 0 large objects of 1"),
        ("SELECT lo_put(4242, 0, 'A')", "the large objects have other content"),
        ("DROP VIEW calm", "the schema differs from the one that was backed up"),
        ('SELECT setval(\'"semi;colon ""quoted""_id_seq"\', 5)', "stands at 5 instead of 200"),
        ('SELECT setval(\'"semi;colon ""quoted""_id_seq"\', 200, false)', "stands at 200, not given out yet,"),
        (
            "SET session_replication_role = replica; "
            'DELETE FROM "Player One" WHERE id IN (SELECT player FROM "semi;colon ""quoted""" LIMIT 2)',
            '2 rows of "public"."semi;colon "quoted""',
        ),
    ],
)
def test_each_difference_is_told(world: ConnInfo, manifest: Manifest, change: str, fault: str) -> None:
    run_sql(world, change)
    proof = compare(world, manifest)
    assert not proof.holds
    assert fault in "; ".join(proof.faults)
    with pytest.raises(ProofFailed):
        proof.require()


def test_a_sequence_that_is_gone_is_told(world: ConnInfo, manifest: Manifest) -> None:
    more = [*manifest.sequences, replace(manifest.sequences[0], name="gone")]
    assert 'the sequence "public"."gone" is missing' in compare(world, replace(manifest, sequences=more)).faults


def test_many_faults_are_counted_not_all_told() -> None:
    proof = Proof([TableProof("public", f"t{n}", n, None, is_equal=False) for n in range(8)])
    with pytest.raises(ProofFailed, match=r"And 3 more\.") as caught:
        proof.require()
    assert len(caught.value.detail["faults"]) == 8
