"""Roles that were dropped with their database: made anew where we may, never with a password, and taken back when the
restore fails."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from audit.exceptions import JobCancelled
from audit.progress import Progress
from backups.copies import best_copy
from backups.exceptions import CopyDamaged, RolesMissing
from backups.models import Backup
from backups.restore.roles import read_around
from tests.backups.restore.conftest import Scene
from tovgov.demo import accidents
from tovgov.demo.club import APPLICATION, OPERATOR

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("club")]


@pytest.fixture
def backup(scene: Scene) -> Backup:
    """The club is backed up; then the database and its application's role are dropped."""
    backup = scene.back_up()
    accidents.drop_database(scene.club)
    scene.sql(f"DROP ROLE {APPLICATION}", database="postgres")
    yield backup
    if not role(scene, APPLICATION):  # the scene's end drops all roles of the club
        scene.sql(f"CREATE ROLE {APPLICATION}", database="postgres")


def role(scene: Scene, name: str) -> tuple[Any, ...] | None:
    """May it log in, and has it a password?"""
    with psycopg.connect(**scene.cluster.keywords("postgres")) as conn:  # type: ignore[arg-type]
        query = "SELECT rolcanlogin, rolpassword IS NOT NULL FROM pg_authid WHERE rolname = %s"
        return conn.execute(query, [name]).fetchone()


def test_a_missing_role_is_made_without_a_password(scene: Scene, backup: Backup) -> None:
    scene.sql(f"ALTER ROLE {OPERATOR} CREATEROLE", database="postgres")
    restore = scene.restore(backup, "recover")
    scene.succeeded(restore)
    assert role(scene, APPLICATION) == (False, False)
    assert f'Made the role "{APPLICATION}"' in restore.log
    assert "give it a password" in restore.log
    with psycopg.connect(**scene.cluster.keywords(scene.club.database)) as conn:  # type: ignore[arg-type]
        query = "SELECT has_table_privilege(%s, '\"User\"', 'INSERT')"
        assert conn.execute(query, [APPLICATION]).fetchone() == (True,)


def test_a_missing_role_that_we_may_not_make_is_refused(scene: Scene, backup: Backup) -> None:
    restore = scene.restore(backup, "recover")
    assert (restore.state, restore.error_code) == ("failed", RolesMissing.code)
    assert APPLICATION in restore.error
    assert scene.left_over() == set()


def test_a_role_that_was_made_is_taken_back_when_the_restore_fails(
    scene: Scene, backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.sql(f"ALTER ROLE {OPERATOR} CREATEROLE", database="postgres")
    real = Progress.phase

    def phase(self: Progress, name: str, **options: Any) -> None:
        real(self, name, **options)
        if name == "Swap":
            assert role(scene, APPLICATION) is not None
            self.end(JobCancelled())

    monkeypatch.setattr(Progress, "phase", phase)
    restore = scene.restore(backup, "recover")
    assert (restore.state, restore.plan.get("roles_made")) == ("cancelled", None)
    assert role(scene, APPLICATION) is None
    assert scene.left_over() == set()


def test_altered_globals_are_not_believed(scene: Scene) -> None:
    backup = scene.back_up()
    path = next((scene.folder / "copies").rglob("globals.json"))
    path.chmod(0o600)
    path.write_text(path.read_text().replace("tovplay_owner", "tovplay_thief"))
    with pytest.raises(CopyDamaged, match="altered"):
        read_around(best_copy(backup))
