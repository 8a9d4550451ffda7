"""``manage.py protection``: policies, their plans, and what they are on a target."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import CommandParser

from audit.exceptions import PolicyInvalid, ProtectionBroken
from audit.jobs import facts as job_facts
from audit.lookup import find_target
from audit.management.base import TovgovCommand
from audit.models import ProtectionPolicy, ProtectionRun
from audit.protection import install, policies, uninstall, verify
from audit.protection.attack import request
from audit.protection.plan import Plan, plan
from audit.protection.rule import Status
from audit.tasks import run_protection


class Command(TovgovCommand):
    help = "Protect targets by policies: plan, install, verify, uninstall."

    def add_arguments(self, parser: CommandParser) -> None:
        self.verb(parser, "policies", self.policies, "show the newest version of every policy")
        edit = self.verb(parser, "edit", self.edit, "make a policy's next version of the rules (JSON) on stdin")
        edit.add_argument("policy")
        edit.add_argument("--note", default="")
        shown = self.verb(parser, "plan", self.plan, "show every statement, lock and effect; nothing is changed")
        shown.add_argument("target")
        shown.add_argument("policy", help="its name, or name:version")
        put = self.verb(parser, "install", self.install, "install a policy, step by step")
        put.add_argument("target")
        put.add_argument("policy", help="its name, or name:version")
        put.add_argument("--fingerprint", default="", help="of the plan that was shown; another plan is refused")
        put.add_argument("--partly", action="store_true", help="leave out the steps that our role may not take")
        self._asking(put)
        look = self.verb(parser, "verify", self.verify, "read from the catalogues what is installed")
        look.add_argument("target")
        off = self.verb(parser, "uninstall", self.uninstall, "take the policy off; what was before comes back")
        off.add_argument("target")
        off.add_argument("--lose-captured-rows", action="store_true", help="captured rows may be lost")
        self._asking(off)

        hit = self.verb(parser, "attack", self.attack, "attack a clone of the target under its policy, and report")
        hit.add_argument("target")
        hit.add_argument("--on-target", action="store_true", help="harmless attempts on itself too, rolled back")
        self._asking(hit)

    def _asking(self, parser: Any) -> None:
        parser.add_argument("--reason", required=True)
        parser.add_argument("--ask", action="store_true", help="ask for the approval that production needs")
        self.job_arguments(parser)

    # --- verbs ------------------------------------------------------------------------------------------------

    def policies(self, options: dict[str, Any]) -> None:
        policies.ensure_policies()
        rows = list(ProtectionPolicy.objects.order_by("name", "-version").distinct("name"))
        cells = [(row, ", ".join(part["rule"] for part in row.rules), row.note) for row in rows]
        found = [{"name": r.name, "version": r.version, "rules": r.rules, "note": r.note} for r in rows]
        self.emit(options, found, self.table(("policy", "rules", "what it does"), cells))

    def edit(self, options: dict[str, Any]) -> None:
        try:
            rules = json.loads(sys.stdin.read())
        except ValueError as error:
            raise PolicyInvalid(f"This is no JSON: {error}.") from None
        policy = policies.edit(options["policy"], rules, actor=self.actor(options), note=options["note"])
        self.emit(options, {"name": policy.name, "version": policy.version}, f"{policy} is made.")

    def plan(self, options: dict[str, Any]) -> None:
        target, policy = find_target(options["target"]), policies.find(options["policy"])
        made = plan(target, policy, actor=self.actor(options))
        self.emit(options, made.as_dict(), in_words(made))

    def install(self, options: dict[str, Any]) -> None:
        target, policy, actor = find_target(options["target"]), policies.find(options["policy"]), self.actor(options)
        facts = {"actor": actor, "reason": options["reason"], "fingerprint": options["fingerprint"]}
        if options["ask"]:
            approval = install.ask_approval(target, policy, **facts)
            self.emit(options, {"approval": approval.pk}, f"Approval {approval.pk} is asked for: {approval.summary}")
            return
        run = install.request(target, policy, **facts, partly=options["partly"])
        self._follow(run, options, actor, "is installed")

    def verify(self, options: dict[str, Any]) -> None:
        target = find_target(options["target"])
        found = verify.verify(target, actor=self.actor(options))
        wrong = [finding for finding in found if finding.status is not Status.INSTALLED]
        cells = [(f.status, f.rule, f.object, f.detail, f.hint) for f in wrong]
        shown = self.table(("", "rule", "object", "what was found", "what to do"), cells) if wrong else None
        facts = {"rules": verify.by_rule(found), "findings": [finding.as_dict() for finding in found]}
        self.emit(options, facts, shown or f"{target}: {verify.summary(found)}")
        if wrong:
            raise ProtectionBroken(f"{target}: {verify.summary(found)}")

    def uninstall(self, options: dict[str, Any]) -> None:
        target, actor = find_target(options["target"]), self.actor(options)
        facts = {"actor": actor, "reason": options["reason"], "may_lose_rows": options["lose_captured_rows"]}
        if options["ask"]:
            approval = uninstall.ask_approval(target, **facts)
            self.emit(options, {"approval": approval.pk}, f"Approval {approval.pk} is asked for: {approval.summary}")
            return
        self._follow(uninstall.request(target, **facts), options, actor, "is uninstalled")

    def attack(self, options: dict[str, Any]) -> None:
        target, actor = find_target(options["target"]), self.actor(options)
        if options["ask"]:
            approval = request.ask_approval(target, actor=actor, reason=options["reason"])
            self.emit(options, {"approval": approval.pk}, f"Approval {approval.pk} is asked for: {approval.summary}")
            return
        run = request.request(target, actor=actor, reason=options["reason"], on_target=options["on_target"])
        try:
            self.run_job(run, run_protection, options, actor=actor)
        finally:
            run.refresh_from_db()
            self._show_attack(run, options)

    def _show_attack(self, run: ProtectionRun, options: dict[str, Any]) -> None:
        headers = ("", "attempt", "as", "promised", "what happened", "seconds")
        cells = [
            (
                "BROKEN" if r["is_broken"] else r["outcome"],
                r["title"],
                r["role"],
                r["promised"],
                r["detail"],
                r["seconds"],
            )
            for r in run.report
        ]
        shown = self.table(headers, cells) if run.report else f"{run}: no report yet."
        self.emit(options, job_facts(run) | {"report": run.report}, shown)

    def _follow(self, run: ProtectionRun, options: dict[str, Any], actor: Any, done: str) -> None:
        job = self.run_job(run, run_protection, options, actor=actor)
        words = f"{run.target}: {run.policy} {done}." if not job.is_open else f"{run} is queued."
        self.emit(options, job_facts(job), words)


def in_words(made: Plan) -> str:
    """A plan for a person: each step with its statements, exactly as they will be run."""
    lines = []
    for number, step in enumerate(made.steps, 1):
        lines += [
            f"{number}. {step.title}",
            f"   effect: {step.effect or 'none'}",
            f"   locks:  {step.locks or 'none'}",
        ]
        lines += [f"   | {line}" for statement in step.statements for line in statement.splitlines()]
    lines += ["Nothing is left to do."] if not made.steps and not made.blocked else []
    lines += [f"Not possible with our role: {step.title} (needs {step.needs})" for step in made.blocked]
    lines += list(made.missing)
    lines += [f"Not promised ({part['rule']}): {limit}" for part in made.promises for limit in part["limits"]]
    return "\n".join([*lines, f"Plan {made.fingerprint}"])
