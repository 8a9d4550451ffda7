"""Forms of rows that two people may edit at once: the form carries the version that was read; who comes second sees
what stands there now beside their own words, which are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from audit.actors import Actor
from audit.admin.base import RecordAdmin, actor_of, target_of
from audit.exceptions import ActionChanged, LessonChanged, NotPermitted, TovgovError
from audit.models import Incident
from audit.templatetags.tovgov import page_of

if TYPE_CHECKING:
    Base = RecordAdmin
else:
    Base = object
CHANGED = (ActionChanged, LessonChanged)


def incident_of(request: HttpRequest) -> Incident | None:
    """The incident that a link to the form names."""
    pk = request.GET.get("incident", "")
    return Incident.objects.filter(pk=int(pk)).first() if pk.isdecimal() and len(pk) < 19 else None


class VersionedMixin(Base):
    """Before ``RecordAdmin`` or a subclass of it. The subclass names its permission and form, and calls its verbs."""

    keep: ClassVar[str]
    form_of: ClassVar[type[forms.Form]]
    what: ClassVar[str]
    told: ClassVar[tuple[str, ...]] = ()
    """What will happen, in sentences."""

    def facts(self, row: Any) -> dict[str, Any]:
        """The row as the form's fields have it."""
        raise NotImplementedError

    def fresh(self, request: HttpRequest) -> dict[str, Any]:
        """What an empty form begins with."""
        return {"incident": incident_of(request)}

    def add(self, *, actor: Actor, data: dict[str, Any]) -> Any:
        """Call the verb that makes one."""
        raise NotImplementedError

    def change(self, row: Any, *, version: int, actor: Actor, data: dict[str, Any]) -> None:
        """Call the verb that changes it."""
        raise NotImplementedError

    def may_edit(self, row: Any) -> bool:
        """Whether it can be changed now."""
        return True

    # --- pages --------------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        name = f"audit_{self.opts.model_name}_edit"
        return [path("<int:pk>/edit/", self.admin_site.admin_view(self.edit_view), name=name), *super().get_urls()]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(self.keep))

    def buttons(self, request: HttpRequest, obj: Any) -> list[dict[str, Any]]:
        shown = super().buttons(request, obj)
        if self.has_add_permission(request) and self.may_edit(obj):
            url = reverse(f"admin:audit_{self.opts.model_name}_edit", args=[obj.pk])
            shown.append({"label": "Change", "tone": "", "minor": False, "url": url})
        return shown

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return self._form(request, None)

    def edit_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The form of one that is there."""
        row = self.get_queryset(request).filter(pk=pk).first()
        if row is None:
            raise Http404
        return self._form(request, row)

    def _form(self, request: HttpRequest, row: Any | None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        initial = self.facts(row) if row is not None else self.fresh(request)
        form = self.form_of(request.POST if request.method == "POST" else None, initial=initial, auto_id="words_%s")
        error: TovgovError | None = None
        if request.method == "POST" and form.is_valid():
            try:
                saved = self._save(request, row, form.cleaned_data)
            except NotPermitted as refused:
                raise PermissionDenied(refused.message) from None
            except TovgovError as refused:
                error = refused
            else:
                self.message_user(request, f"Saved: {saved}")
                return HttpResponseRedirect(page_of(saved))
        return self._page(request, row, form, error)

    def _save(self, request: HttpRequest, row: Any | None, data: dict[str, Any]) -> models.Model:
        actor = actor_of(request)
        if row is None:
            made: models.Model = self.add(actor=actor, data=data)
            return made
        version = request.POST.get("version", "")
        self.change(
            row, version=int(version) if version.isdecimal() and len(version) < 10 else 0, actor=actor, data=data
        )
        return row  # type: ignore[no-any-return]

    def _page(self, request: HttpRequest, row: Any | None, form: forms.Form, error: TovgovError | None) -> HttpResponse:
        now = []
        if row is not None and isinstance(error, CHANGED):
            row.refresh_from_db()
            now = [(form.fields[name].label or name.replace("_", " ").capitalize(), _said(value))
                   for name, value in self.facts(row).items()]  # fmt: skip
        sent = request.POST.get("version", "") if request.method == "POST" else ""
        context = {
            **self.admin_site.each_context(request),
            "title": f"Change {self.what}" if row is not None else f"Add {self.what}",
            "opts": self.opts,
            "original": row,
            "banner": target_of(row) if row is not None else None,
            "form": form,
            "error": error,
            "now": now,
            "told": self.told,
            "version": row.version if row is not None and now else sent or (row.version if row is not None else ""),
            "back": page_of(row) if row is not None else reverse(f"admin:audit_{self.opts.model_name}_changelist"),
        }  # fmt: skip
        return TemplateResponse(request, "tovgov/versioned_form.html", context, status=409 if error else 200)


def _said(value: Any) -> str:
    return "–" if value in (None, "") else str(value)
