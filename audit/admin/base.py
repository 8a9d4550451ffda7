"""The base of every model admin: acts, the environment banner, read-mostly pages and lists that stay fast."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit import looks
from audit.actors import Actor
from audit.admin.acts import Act, Outcome
from audit.exceptions import NotPermitted, TovgovError
from audit.models import Target

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

CAP = 10_000
"""Lists count no further than this: a full count of ten million rows takes seconds and tells nobody anything."""


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts up to ``CAP`` + 1 rows and no further."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: CAP + 1].count())


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in person, acting through the admin from their address."""
    assert request.user.is_authenticated
    return Actor.person(request.user, f"admin {request.META.get('REMOTE_ADDR', '')}".strip())


def target_of(obj: Any) -> Target | None:
    """The target that ``obj`` concerns: itself, its own, or its backup's."""
    if isinstance(obj, Target):
        return obj
    found = getattr(obj, "target", None) or getattr(getattr(obj, "backup", None), "target", None)
    return found if isinstance(found, Target) else None


def explain(error: TovgovError) -> SafeString:
    """An error for a message: what happened, what to do, and its code."""
    return format_html('<strong>{}</strong> {} <span class="code">{}</span>', error.message, error.hint, error.code)


def act_url(model: type[models.Model] | models.Model, slug: str, *pks: Any) -> str:
    """Where the act's page is, for these objects."""
    opts = model._meta
    url = reverse(f"admin:{opts.app_label}_{opts.model_name}_act", args=[slug])
    return f"{url}?ids={','.join(str(pk) for pk in pks)}"


class TovgovAdmin(ModelAdmin):
    """Acts as buttons and list actions, the banner, and lists without a full count. Objects stay: nothing is deleted
    here unless a subclass says so."""

    acts: ClassVar[list[Act]] = []
    show_full_result_count = False
    paginator = CappedPaginator
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    empty_note: ClassVar[str] = ""
    """What an empty list says: why it is empty and what to do about it."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.acts = list(cls.__dict__.get("acts", cls.acts))

    # --- who may --------------------------------------------------------------------------------------------------

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def may(self, request: HttpRequest, act: Act) -> bool:
        return bool(request.user.has_perm(act.permission))

    def may_on(self, request: HttpRequest, act: Act, obj: Any) -> bool:
        """Whether this person may do it to ``obj``: where one's own is more than what belongs to others."""
        return self.may(request, act)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **options: Any) -> Any:
        """No pop-up windows beside a choice: what is chosen from has its own page."""
        field = super().formfield_for_dbfield(db_field, request, **options)
        widget = getattr(field, "widget", None)
        if isinstance(widget, RelatedFieldWidgetWrapper):
            field.widget = widget.widget  # type: ignore[union-attr]
        return field

    # --- acts -----------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        act = path("act/<slug:slug>/", self.admin_site.admin_view(self.act_view), name=f"{name}_act")
        return [act, *super().get_urls()]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = {}
        for act in self.acts:
            if act.in_list and self.may(request, act):
                actions[act.slug] = (_as_action(act), act.slug, f"{act.label} …")
        return actions

    def buttons(self, request: HttpRequest, obj: Any) -> list[dict[str, Any]]:
        """The acts that fit ``obj`` and that this person may do, as buttons."""
        return [
            {"label": act.label, "tone": act.tone, "minor": act.minor, "url": act_url(obj, act.slug, obj.pk)}
            for act in self.acts
            if self.may_on(request, act, obj) and act.applies(obj)
        ]

    def act_view(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Say what will happen (GET); do it (POST)."""
        act = next((act for act in self.acts if act.slug == slug), None)
        if act is None:
            raise Http404
        if not (act.own or self.may(request, act)) or not self.has_view_permission(request):
            raise PermissionDenied
        objects = self._chosen(request)
        if not all(self.may_on(request, act, obj) for obj in objects):
            raise PermissionDenied
        if len(objects) > 1 and not act.in_list:
            raise Http404
        fitting = [obj for obj in objects if act.applies(obj)]
        if not fitting:
            self.message_user(request, f"{act.label}: this does not fit here any more.", messages.WARNING)
            return HttpResponseRedirect(self._page_of(objects))
        form = act.form(fitting, request.POST if request.method == "POST" else None)
        error = None
        if request.method == "POST" and form.is_valid():
            outcomes = act.perform_all(fitting, actor=actor_of(request), data=form.cleaned_data)
            if len(outcomes) > 1 or outcomes[0].done:
                return self._tell(request, outcomes)
            error = outcomes[0].error
            if isinstance(error, NotPermitted):
                raise PermissionDenied(error.message)
        left_out = [obj for obj in objects if obj not in fitting]
        context = self._act_context(request, act, fitting) | {"form": form, "error": error, "left_out": left_out}
        return TemplateResponse(request, act.template, context, status=409 if error else 200)

    def _chosen(self, request: HttpRequest) -> list[Any]:
        wanted = [pk for pk in request.GET.get("ids", "").split(",") if pk.isdigit()][:200]
        found = {str(obj.pk): obj for obj in self.get_queryset(request).filter(pk__in=wanted)}
        if not found:
            raise Http404
        return [found[pk] for pk in dict.fromkeys(wanted) if pk in found]

    def _page_of(self, objects: Sequence[Any]) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        return reverse(f"{name}_change", args=[objects[0].pk]) if len(objects) == 1 else reverse(f"{name}_changelist")

    def _act_context(self, request: HttpRequest, act: Act, objects: Sequence[Any]) -> dict[str, Any]:
        targets = {target.pk: target for target in map(target_of, objects) if target is not None}
        things = [{"obj": obj, "target": target_of(obj), "consequences": act.consequences(obj)} for obj in objects]
        return {
            **self.admin_site.each_context(request),
            "title": act.label,
            "heading": act.title(objects),
            "opts": self.opts,
            "original": objects[0] if len(objects) == 1 else None,
            "act": act,
            "things": things,
            "warning": act.warning(objects),
            "back": self._page_of(objects),
            "banner": next(iter(targets.values())) if len(targets) == 1 else None,
            **act.facts(objects),
        }

    def _tell(self, request: HttpRequest, outcomes: Iterable[Outcome]) -> HttpResponse:
        outcomes = list(outcomes)
        for outcome in outcomes:
            if outcome.done:
                self.message_user(request, outcome.done.message, messages.SUCCESS)
            elif outcome.error:
                text = format_html("{}: {}", outcome.obj, explain(outcome.error))
                self.message_user(request, text, messages.ERROR)
        first = outcomes[0].done
        if len(outcomes) == 1 and first and first.url:
            return HttpResponseRedirect(first.url)
        return HttpResponseRedirect(self._page_of([outcome.obj for outcome in outcomes]))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """A verb that refuses while saving undoes the whole saving, and says why."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except NotPermitted as error:
            raise PermissionDenied(error.message) from None
        except TovgovError as error:
            self.message_user(request, explain(error), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    # --- pages ----------------------------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """A list is called as what led to it: the word in the rail."""
        listed = (model for section in self.admin_site.get_app_list(request) for model in section["models"])
        words = next((str(model["name"]) for model in listed if model.get("label") == self.opts.label), "")
        title = words or str(self.opts.verbose_name_plural).capitalize()
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any | None = None,
    ) -> HttpResponse:
        if obj is not None:
            context |= {"buttons": self.buttons(request, obj), "banner": target_of(obj), "object_page": True}
            context["title"] = str(obj)
            context["subtitle"] = None
        context["show_save_and_add_another"] = False
        return super().render_change_form(request, context, add, change, form_url, obj)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        obj = self.get_object(request, unquote(object_id))
        return super().history_view(request, object_id, {"banner": target_of(obj), **(extra_context or {})})


class RecordAdmin(TovgovAdmin):
    """For rows that only verbs write: the page is ours and read-only."""

    record_template: ClassVar[str]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What the page shows of ``obj``."""
        return {}

    def is_personal(self, obj: Any) -> bool:
        """Whether the page shows data of people in a target: each look at it then stands in the ledger."""
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        obj = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        if self.is_personal(obj):
            looks.note(obj, actor=actor_of(request), target=target_of(obj))
        context = {
            **self.admin_site.each_context(request),
            "title": str(obj),
            "opts": self.opts,
            "original": obj,
            "object_page": True,
            "buttons": self.buttons(request, obj),
            "banner": target_of(obj),
            **self.record(request, obj),
            **(extra_context or {}),
        }
        return TemplateResponse(request, self.record_template, context)


def _as_action(act: Act) -> Any:
    def lead(model_admin: TovgovAdmin, request: HttpRequest, queryset: models.QuerySet[Any]) -> HttpResponse:
        pks = list(queryset.values_list("pk", flat=True)[:200])
        return HttpResponseRedirect(act_url(model_admin.model, act.slug, *pks))

    lead.__name__ = act.slug
    return lead
