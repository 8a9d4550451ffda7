"""The HTTP API: the same verbs, permissions and approvals as in the admin, for programs.

``Authorization: Bearer tovgov_…``. Errors are JSON objects with code, message and hint. Other apps add their routers
in ``tovgov/urls.py``.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Router, Schema
from ninja.security import HttpBearer

from audit import jobs, tokens
from audit.actors import Actor
from audit.exceptions import ExitStatus, NotPermitted, TokenRefused, TovgovError
from audit.models import Target

STATUS = {
    ExitStatus.FAILED: 500,
    ExitStatus.USAGE: 400,
    ExitStatus.REFUSED: 409,
    ExitStatus.INFRASTRUCTURE: 503,
    ExitStatus.PROOF_FAILED: 422,
    ExitStatus.CANCELLED: 409,
}


class Bearer(HttpBearer):
    """A token in the Authorization header; ``request.auth`` is then an ``Actor``."""

    def authenticate(self, request: HttpRequest, token: str) -> Actor:
        return tokens.authenticate(token, source=f"api {request.META.get('REMOTE_ADDR', '')}")


api = NinjaAPI(title="tovgov", version="1", auth=Bearer(), docs_url=None)
router = Router(tags=["targets"])


@api.exception_handler(TovgovError)
def explain(request: HttpRequest, error: TovgovError) -> HttpResponse:
    """An error as JSON, with the status that fits its kind."""
    status = STATUS[error.exit_status]
    if isinstance(error, TokenRefused):
        status = 401
    elif isinstance(error, NotPermitted):
        status = 403
    return api.create_response(request, error.as_dict(), status=status)


def actor_of(request: HttpRequest) -> Actor:
    """The authenticated actor of an API request."""
    actor: Actor = request.auth  # type: ignore[attr-defined]
    return actor


class TargetOut(Schema):
    name: str
    environment: str
    database: str
    is_active: bool
    is_identified: bool
    check_error_code: str
    check_error: str


@router.get("/targets", response=list[TargetOut])
def list_targets(request: HttpRequest) -> Any:
    """All targets and what their last check said."""
    actor_of(request).require("audit.view_target")
    return Target.objects.all()


class CancelIn(Schema):
    reason: str = ""


@router.get("/jobs/{name}")
def show_job(request: HttpRequest, name: str) -> Any:
    """One job, named as ``backup-12``, with its log."""
    job = jobs.find(name)
    actor_of(request).require(f"{job._meta.app_label}.view_{job._meta.model_name}")
    return jobs.facts(job) | {"log": job.log}


@router.post("/jobs/{name}/cancel")
def cancel_job(request: HttpRequest, name: str, body: CancelIn) -> Any:
    """Ask a job to stop."""
    job = jobs.find(name)
    jobs.cancel(job, actor=actor_of(request), reason=body.reason)
    return jobs.facts(job)
