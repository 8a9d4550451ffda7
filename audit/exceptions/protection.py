"""Errors of policies, windows and the protection of a target."""

from __future__ import annotations

from audit.exceptions.base import ExitStatus, Refusal, TovgovError, UsageError


class PolicyMisfit(Refusal):
    code = "protection.policy_misfit"
    sentence = "The policy does not fit this target."
    advice = "Make a new version of the policy that names what the target really has."


class NoSuchPolicy(UsageError):
    code = "protection.no_such_policy"
    sentence = "There is no such protection policy."
    advice = "protection policies shows them; name one as standard, or standard:2 for a version."


class PolicyInvalid(UsageError):
    code = "protection.policy_invalid"
    sentence = "These rules do not make a policy."
    advice = "docs/protection.md lists the rules and their settings."


class NothingInstalled(Refusal):
    code = "protection.nothing_installed"
    sentence = "No policy is installed on this target."
    advice = "Plan and install one first."


class ProtectionRightsMissing(Refusal):
    code = "protection.rights_missing"
    sentence = "Our role on the target may not take every step of this plan."
    advice = "Store a superuser's credential for “Operate”, or install only the steps that are possible (--partly)."


class ProtectionRunning(Refusal):
    code = "protection.running"
    sentence = "This target's protection is being changed already."
    advice = "Watch that run on its page; then plan again."


class ProtectionBroken(TovgovError):
    code = "protection.broken"
    sentence = "The target's protection is not what the policy says."
    advice = "Find out who changed it; then install the policy again."
    exit_status = ExitStatus.PROOF_FAILED


class PromiseBroken(TovgovError):
    code = "protection.promise_broken"
    sentence = "An attack came through that the policy promises to stop."
    advice = "Read the report: it names the attempt and the promise. Verify the target, then report it to its makers."
    exit_status = ExitStatus.PROOF_FAILED


class AttackImpossible(Refusal):
    code = "protection.attack_impossible"
    sentence = "An attack needs a superuser on the server: it makes a clone, roles and the policy there."
    advice = "Store a superuser's credential for “Operate”."


class CapturedRowsLost(Refusal):
    code = "protection.captured_rows_lost"
    sentence = "The delete log holds rows that would be lost."
    advice = "Export or import them first; or say with a reason that they may go."


class WindowOpen(Refusal):
    code = "window.open"
    sentence = "A maintenance window is open on this target."
    advice = "Wait until it closes, or close it now."


class WindowInvalid(UsageError):
    code = "window.invalid"
    sentence = "This is not a maintenance window."
    advice = "Name rules of the installed policy, and a length from 1 to 480 minutes."


class WindowClosed(Refusal):
    code = "window.closed"
    sentence = "This maintenance window is closed."
    advice = "Open a new one, with a reason of its own."


class WindowCommandFailed(TovgovError):
    code = "window.command_failed"
    sentence = "The command that the window was opened for failed."
    advice = "The window is closed again and everything is locked. Mend the command, then open a new window."


class PlanOutdated(Refusal):
    code = "protection.plan_outdated"
    sentence = "The target has changed since this plan was made."
    advice = "Plan again and have the new plan approved; nothing was changed."
