"""Errors of who may, and how they say so."""

from __future__ import annotations

from audit.exceptions.base import Refusal, UsageError


class NotPermitted(Refusal):
    code = "actor.not_permitted"
    sentence = "You do not have the permission for this."
    advice = "Ask a manager for the right group, or ask someone who has it."


class UnknownActor(UsageError):
    code = "actor.unknown"
    sentence = "No such tovgov user."
    advice = "Name an active user with --as or TOVGOV_USER; every act is written to the ledger with its actor."


class TokenRefused(Refusal):
    code = "token.refused"
    sentence = "This API token is unknown, has expired or was revoked."
    advice = "Issue a new one: manage.py tokens issue."


class TokenNameTaken(UsageError):
    code = "token.name_taken"
    sentence = "You have a live token of this name already."
    advice = "Revoke it first, or choose another name."


class PasswordMissing(UsageError):
    code = "password.missing"
    sentence = "There is no password."
    advice = "Type it at the prompt, pipe it in with --password-stdin, or name a variable with --password-env."


class ClientInvalid(UsageError):
    code = "client.invalid"
    sentence = "This is no client that can be known."
    advice = "Name a part (address, role, application, hours) and a value, for example address 10.0.0.0/8."


class NoSuchClient(UsageError):
    code = "client.unknown"
    sentence = "There is no such known client."
    advice = "manage.py clients list shows them with their numbers."


class ReasonMissing(UsageError):
    code = "actor.reason_missing"
    sentence = "A reason is needed."
    advice = "Say in a sentence why; it is kept in the ledger."


class ApprovalMissing(Refusal):
    code = "approval.missing"
    sentence = "This needs the approval of a second person."
    advice = "An approver other than you opens Approvals in the admin and decides; then start it again."


class SelfApproval(Refusal):
    code = "approval.self"
    sentence = "Nobody approves their own request."
    advice = "Ask another approver."


class ApprovalClosed(Refusal):
    code = "approval.closed"
    sentence = "This approval is no longer open."
    advice = "It was decided, used or has expired. Ask for a new one."
