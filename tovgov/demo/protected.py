"""The protected act: a policy is planned, approved and installed; then everything is tried against it."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import Any

import psycopg
from psycopg import sql

from audit import approvals, targets
from audit.models import Approval, MaintenanceWindow, ProtectionPolicy, ProtectionRun, Purpose
from audit.postgres.connect import ConnInfo
from audit.protection import install, plan, policies, verify, windows
from audit.protection.attack import request as attack
from audit.protection.attack.attempt import Outcome
from audit.protection.attack.suite import GROUPS
from audit.protection.rule import Status
from tovgov.binaries import binaries
from tovgov.demo.acts import Acts
from tovgov.demo.club import OWNER, load
from tovgov.demo.exceptions import NotProved, StorySpoiled
from tovgov.demo.theatre import Theatre
from tovgov.demo.undone import Undone
from tovgov.environment import BASE_DIR

POLICY = "lockdown"
MIGRATION = 'ALTER TABLE public."Game" ADD COLUMN "publisher" text NOT NULL DEFAULT \'\''
RELAXED = ("ddl_guard", "ownership")
MINUTES = 10


class ProtectedAct:
    """Step 6 of the story."""

    def __init__(self, house: Theatre, acts: Acts) -> None:
        self.house, self.acts = house, acts
        self.stage, self.club, self.target = acts.stage, acts.club, acts.target
        self.manager, self.staff, self.approver = (
            house.people[group].actor for group in ("manager", "staff", "approver")
        )

    def play(self) -> None:
        """Everything in order; raises the error of the first thing that goes wrong."""
        self.operate_as_superuser()
        policy = policies.find(POLICY)
        self.install(policy)
        self.refuse_drop_database()
        self.attack()
        Undone(self.house, self.acts).play()
        self.migrate()

    # --- the policy ------------------------------------------------------------------------------------------------

    def operate_as_superuser(self) -> None:
        """Event triggers can be made by no other role; after that, operating needs one too."""
        user, password = self.club.admin.user, self.club.admin.password
        targets.set_credential(self.target, Purpose.OPERATE, user=user, password=password, actor=self.manager)
        self.stage.tell("Installing takes a superuser: the manager enters one for operating.")

    def install(self, policy: ProtectionPolicy) -> ProtectionRun:
        """Planned, approved by a second person, installed by a worker, verified from the catalogues."""
        made = plan.plan(self.target, policy, actor=self.manager)
        statements = sum(len(step.statements) for step in made.steps)
        self.stage.tell(f'The policy "{policy.name}" is planned: {len(made.steps)} steps, {statements} statements.')
        terms: dict[str, Any] = {"actor": self.manager, "reason": "Never again.", "fingerprint": made.fingerprint}
        self._approve(install.ask_approval(self.target, policy, **terms))
        run = install.request(self.target, policy, **terms)
        self.stage.follow(run, actor=self.manager, lines=6)
        self._require_whole()
        return run

    def _require_whole(self) -> None:
        """Every object of every rule is as the policy says. Raises ``NotProved``."""
        findings = verify.verify(self.target, actor=self.manager)
        wrong = [finding for finding in findings if finding.status is not Status.INSTALLED]
        if wrong:
            raise NotProved(f"{len(wrong)} findings, for example {wrong[0].object}: {wrong[0].detail}")
        rules = len(verify.by_rule(findings)) - 1  # the ground is not a rule
        self.stage.good(f"Verified from the catalogues: {len(findings)} objects of {rules} rules are INSTALLED.")

    # --- what is tried against it ----------------------------------------------------------------------------------

    def refuse_drop_database(self) -> None:
        """DROP DATABASE, as the one who was its owner and as the superuser. Raises ``StorySpoiled``."""
        drop = load("drop", database=sql.Identifier(self.club.database))
        ways = {
            "its former owner": self.club.conninfo(OWNER, self.club.admin.database),
            "the superuser": self.club.admin,
        }
        for who, info in ways.items():
            words = refusal(info, drop)
            self.stage.tell(f"DROP DATABASE WITH (FORCE) by {who}: {words}.")

    def attack(self) -> ProtectionRun:
        """The whole suite against a clone of the database, made for it under the same policy; its report as a table."""
        run = attack.request(self.target, actor=self.manager, reason="Does it hold?")
        self.stage.follow(run, actor=self.manager, lines=3)
        run.refresh_from_db()
        outcomes = {(one["code"], one["role"]): Outcome(one["outcome"]) for one in run.report}
        self.stage.table(("Attempts", *Outcome), by_group(outcomes))
        came_through = [f"{one['title']} ({one['role']})" for one in run.report if one["outcome"] == Outcome.OPEN]
        self.stage.tell(f"Not covered, as the policy says beforehand: {'; '.join(came_through)}.")
        self.stage.good(f"{len(outcomes)} attempts, and the policy keeps every promise it makes.")
        return run

    def migrate(self) -> MaintenanceWindow:
        """The migration is refused, goes through in a window, and everything is locked again."""
        self.stage.tell(f"A migration outside of a window: {refusal(self.club.conninfo(OWNER), sql.SQL(MIGRATION))}.")
        self._approve(
            windows.ask_approval(self.target, minutes=MINUTES, rules=RELAXED, reason="Release 4.2", actor=self.manager)
        )
        self._window_command(*self._migration())
        window = MaintenanceWindow.objects.filter(target=self.target).latest("pk")
        if window.relocked_at is None or not window.ddl:
            raise StorySpoiled("The window did not close, or did not list what happened inside.")
        self.stage.good(f"Closed and locked again; what happened inside: {window.ddl[0]['tag']} of {_objects(window)}.")
        self.stage.tell(f"The next one is refused again: {refusal(self.club.conninfo(OWNER), sql.SQL(MIGRATION))}.")
        self._require_whole()
        return window

    def _migration(self) -> tuple[str, ...]:
        """As a release script would run it: psql, as the owner of the tables."""
        psql = binaries(self.house.target_server.major) / "psql"
        return str(psql), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", MIGRATION

    def _window_command(self, *command: str) -> None:
        words = [sys.executable, "manage.py", "window", "open", self.target.name, "--minutes", str(MINUTES)]
        words += ["--rules", ",".join(RELAXED), "--reason", "Release 4.2", "--as", self.manager.name, "--", *command]
        self.stage.tell(f'manage.py window open "{self.target.name}" --rules {",".join(RELAXED)} … -- psql …')
        with self.club.conninfo(OWNER).client_environment() as environment:
            done = subprocess.run(words, env=environment, cwd=BASE_DIR, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StorySpoiled(f"The migration did not go through: {(done.stderr or done.stdout).strip()[-300:]}")

    def _approve(self, approval: Approval) -> None:
        approvals.approve(approval, actor=self.approver, note="Seen and agreed.")
        self.stage.asked(f"{self.manager.name} asks, {self.approver.name} approves: {approval.summary}")


def _objects(window: MaintenanceWindow) -> str:
    return ", ".join(dict.fromkeys(line["object"] for line in window.ddl))


def by_group(outcomes: dict[tuple[str, str], Outcome]) -> list[tuple[str | int, ...]]:
    """For each group of attempts, how many ended how."""
    rows: list[tuple[str | int, ...]] = []
    for title, attempts in GROUPS:
        counts = Counter(outcomes[key] for one in attempts if (key := (one.code, str(one.role))) in outcomes)
        rows.append((title, *(counts[outcome] for outcome in Outcome)))
    return rows


def refusal(info: ConnInfo, statement: sql.Composed | sql.SQL) -> str:
    """How PostgreSQL refuses ``statement``. Raises ``StorySpoiled`` when it does not."""
    with psycopg.connect(**info.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        try:
            connection.execute(statement)
        except psycopg.Error as error:
            return f"refused ({error.diag.message_primary})"
    raise StorySpoiled("What the policy forbids was not refused.")
