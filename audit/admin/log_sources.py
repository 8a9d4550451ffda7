"""Sources of server logs in the admin: added, tried before anything is stored, changed, removed; logs uploaded."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from audit import conf
from audit.actors import Actor
from audit.admin.acts import Act, Done, Reason
from audit.admin.base import RecordAdmin, actor_of
from audit.admin.log_source_forms import Limit, SourceForm, UploadForm
from audit.admin.targets import TargetAdmin
from audit.exceptions import LogUploadTooLarge, NotPermitted, TovgovError
from audit.imports import asking
from audit.imports.server_logs import setup
from audit.models import OPEN_STATES, SERVER_LOGS, AuditImport, ImportSource, Target
from audit.templatetags.tovgov import page_of

LIST = "admin:audit_importsource_changelist"


class Pause(Act):
    slug = "pause"
    label = "Pause"
    permission = setup.MANAGE
    reason = Reason.WELCOME

    def applies(self, obj: ImportSource) -> bool:
        return obj.kind in SERVER_LOGS and obj.is_active

    def consequences(self, obj: ImportSource) -> list[str]:
        return ["Nothing more of it is read until it is resumed. What was read is kept."]

    def perform(self, obj: ImportSource, *, actor: Actor, data: dict[str, Any]) -> Done:
        setup.pause(obj, actor=actor, reason=data["reason"])
        return Done(f"{obj} is paused.")


class Resume(Act):
    slug = "resume"
    label = "Resume"
    permission = setup.MANAGE
    reason = Reason.WELCOME

    def applies(self, obj: ImportSource) -> bool:
        return obj.kind in SERVER_LOGS and not obj.is_active

    def consequences(self, obj: ImportSource) -> list[str]:
        return ["It is read again once a minute, from where it was left."]

    def perform(self, obj: ImportSource, *, actor: Actor, data: dict[str, Any]) -> Done:
        setup.resume(obj, actor=actor, reason=data["reason"])
        return Done(f"{obj} is read again.")


class Remove(Act):
    slug = "remove"
    label = "Remove"
    permission = setup.MANAGE
    tone = "danger"
    minor = True
    in_list = False
    reason = Reason.WELCOME

    def applies(self, obj: ImportSource) -> bool:
        tree = getattr(obj, "seal_tree", None)
        is_used = (tree and tree.size) or obj.imports.filter(state__in=OPEN_STATES).exists()
        return obj.kind in SERVER_LOGS and not is_used

    def consequences(self, obj: ImportSource) -> list[str]:
        return [
            "Nothing more of it is read, and what is known of its files is forgotten. No entry of it is kept.",
            "What was uploaded to it and was not read yet goes too. The server's own files stay as they are.",
        ]

    def perform(self, obj: ImportSource, *, actor: Actor, data: dict[str, Any]) -> Done:
        words = f"{obj} is removed."
        setup.remove(obj, actor=actor, reason=data["reason"])
        return Done(words, reverse(LIST))


class LogSourcePages(RecordAdmin):
    """The forms beside the list and the pages of ``ImportSource``."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("upload/", wrap(self.upload_view), name="audit_importsource_upload"),
            path("<int:pk>/edit/", wrap(self.edit_view), name="audit_importsource_edit"),
        ]
        return [*own, *super().get_urls()]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(setup.MANAGE))

    def buttons(self, request: HttpRequest, obj: Any) -> list[dict[str, Any]]:
        shown = super().buttons(request, obj)
        if obj.kind in SERVER_LOGS and self.has_add_permission(request):
            url = reverse("admin:audit_importsource_edit", args=[obj.pk])
            shown.append({"label": "Change", "tone": "", "minor": False, "url": url})
        return shown

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        own = {"title": "Log sources", "may_send": request.user.has_perm(asking.RUN)}
        return super().changelist_view(request, own | (extra_context or {}))

    # --- added, tried, changed ------------------------------------------------------------------------------------

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form of a new source."""
        return self._form(request, None)

    def edit_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The form of one that is there."""
        row = ImportSource.objects.select_related("target").filter(pk=pk, kind__in=SERVER_LOGS).first()
        if row is None:
            raise Http404
        return self._form(request, row)

    def _form(self, request: HttpRequest, row: ImportSource | None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        sent = request.POST if request.method == "POST" else None
        form = SourceForm(sent, source=row, target=request.GET.get("target", ""))
        trial: setup.Trial | None = None
        error: TovgovError | None = None
        if sent is not None and form.is_valid():
            try:
                if "try" not in sent:
                    return self._saved(request, row, form)
                trial = _tried(row, form, actor_of(request))
            except NotPermitted as refused:
                raise PermissionDenied(refused.message) from None
            except TovgovError as refused:
                error = refused
        page = {
            **self.admin_site.each_context(request),
            "title": f"Change {row}" if row else "Add a server log",
            "opts": self.opts,
            "original": row,
            "banner": row.target if row else None,
            "form": form,
            "error": error,
            "trial": trial,
            "back": page_of(row) if row else reverse(LIST),
        }
        return TemplateResponse(request, "tovgov/log_source_form.html", page, status=409 if error else 200)

    def _saved(self, request: HttpRequest, row: ImportSource | None, form: SourceForm) -> HttpResponse:
        data, actor = form.cleaned_data, actor_of(request)
        how = {"settings": form.settings, "keep_days": data["keep_days"], "actor": actor, "reason": data["reason"]}
        if row is None:
            row = setup.add(data["target"], data["kind"], name=data["name"], **how)
            words = f"{row} is read once a minute."
        else:
            row = setup.change(row, **how)
            words = f"{row} is changed. Files that could not be read are tried again."
        self.message_user(request, words, messages.SUCCESS)
        return HttpResponseRedirect(page_of(row))

    # --- uploaded -------------------------------------------------------------------------------------------------

    @csrf_exempt  # until the limit is set: looking for the token reads the whole upload
    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Take files and let a worker read them. Who may not send has none of them read."""
        if not request.user.has_perm(asking.RUN):
            raise PermissionDenied
        limit = Limit(request)
        request.upload_handlers.insert(0, limit)

        def guarded(request: HttpRequest) -> HttpResponse:
            return self._upload(request, limit)

        return csrf_protect(guarded)(request)

    def _upload(self, request: HttpRequest, limit: Limit) -> HttpResponse:
        form = UploadForm(target=request.GET.get("target", ""))
        error: TovgovError | None = None
        if request.method == "POST":
            form = UploadForm(request.POST, request.FILES)
            if limit.is_over:
                form = UploadForm(target=request.POST.get("target", ""))
                error = LogUploadTooLarge(f"One upload may have {conf.log_upload_mb():,} MB; this one has more.")
            elif form.is_valid():
                try:
                    return self._sent(request, form)
                except NotPermitted as refused:
                    raise PermissionDenied(refused.message) from None
                except TovgovError as refused:
                    error = refused
        page = {
            **self.admin_site.each_context(request),
            "title": "Upload server logs",
            "opts": self.opts,
            "form": form,
            "error": error,
            "limit": conf.log_upload_mb(),
            "back": reverse(LIST),
        }
        status = 413 if limit.is_over else 409 if error else 200
        return TemplateResponse(request, "tovgov/log_upload.html", page, status=status)

    def _sent(self, request: HttpRequest, form: UploadForm) -> HttpResponse:
        actor, reason = actor_of(request), form.cleaned_data["reason"]
        source = setup.sent_source(form.cleaned_data["target"], actor=actor)
        run: AuditImport | None = None
        for file in form.sent:
            run = setup.send(source, file.chunks(), file.name or "log", actor=actor, reason=reason)
            self.message_user(request, f"{file.name} is kept until a worker has read it.", messages.SUCCESS)
        assert run is not None  # the field asks for one file at least
        return HttpResponseRedirect(page_of(run))


def _tried(row: ImportSource | None, form: SourceForm, actor: Actor) -> setup.Trial:
    if row is not None:
        return setup.attempt_change(row, form.settings, actor=actor)
    return setup.attempt(form.cleaned_data["target"], form.cleaned_data["kind"], form.settings, actor=actor)


def server_logs(request: HttpRequest, target: Target) -> tuple[str, dict[str, Any]]:
    """Where a target's server logs come from, for its page."""
    rows = ImportSource.objects.filter(target=target, kind__in=SERVER_LOGS).select_related("target").order_by("pk")
    facts = {
        "sources": rows,
        "may_manage": request.user.has_perm(setup.MANAGE),
        "may_send": request.user.has_perm(asking.RUN),
    }
    return "tovgov/target_server_logs.html", facts


TargetAdmin.panels.append(server_logs)
