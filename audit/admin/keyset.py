"""Change lists of any length: filters and search of a ``Listing``, and Older / Newer links instead of page numbers.

Give a model admin ``KeysetMixin`` and its ``listing``; the change list is Django's own in all else.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.text import capfirst
from django.views.decorators.http import require_POST

from audit.admin.base import TovgovAdmin, actor_of, explain
from audit.exceptions import FilterInvalid, NotPermitted, TovgovError
from audit.lists import keyset, saved
from audit.lists.listing import WORDS, Filter, Listing, Wanted
from audit.models import LIST_FORMATS, SavedFilter

if TYPE_CHECKING:
    Base = TovgovAdmin
    Changes = ChangeList
else:
    Base = object
    Changes = ChangeList


class KeysetChangeList(Changes):
    """One page, found by ``audit.lists.keyset``. A filter that does not fit lists nothing and says why."""

    listing: Listing
    wanted: Wanted
    page: keyset.Page
    is_keyset = True

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> Any:
        self.listing = self.model_admin.listing  # type: ignore[attr-defined]
        self.wanted = self.listing.read(request.GET)
        self.filter_specs: list[Any] = []
        self.has_filters, self.has_active_filters = False, not self.wanted.is_everything
        self.clear_all_filters_qs = "?"
        self.query = ""
        try:
            return self.root_queryset.filter(self.listing.clause(self.wanted)).order_by(*self.listing.ordering)
        except FilterInvalid:
            return self.root_queryset.none()

    def get_results(self, request: HttpRequest) -> None:
        older, newer = request.GET.get("older", ""), request.GET.get("newer", "")
        try:
            self.page = keyset.page(
                self.listing, self.wanted, older=older, newer=newer, size=self.list_per_page, counted=True
            )
        except FilterInvalid as error:
            messages.error(request, explain(error))
            self.page = keyset.Page([], "", "", number=keyset.Count(0))
        self.result_list = self.page.rows
        self.result_count = len(self.page.rows)
        self.full_result_count = None
        self.show_full_result_count, self.show_admin_actions = False, True
        self.can_show_all = self.multi_page = False
        self.paginator = Paginator(self.page.rows, self.list_per_page)

    def get_ordering_field_columns(self) -> dict[int, Any]:
        return {}

    def get_ordering(self, request: HttpRequest, queryset: Any) -> list[Any]:
        return list(self.listing.ordering)

    # --- for the templates ----------------------------------------------------------------------------------------

    @property
    def older_link(self) -> str:
        return self._link("older", self.page.older)

    @property
    def newer_link(self) -> str:
        return self._link("newer", self.page.newer)

    @property
    def hides(self) -> bool:
        return self.listing.hidden(self.wanted) is not None

    @cached_property
    def hidden(self) -> keyset.Count | None:
        """How many rows are hidden; None when that takes too long to say."""
        try:
            return keyset.hidden(self.listing, self.wanted)
        except FilterInvalid:
            return keyset.Count(0)

    @property
    def hidden_what(self) -> str:
        hiding = self.listing.hiding
        return hiding.label.lower() if hiding else ""

    @property
    def shown_link(self) -> str:
        """The same list with what it hides."""
        hiding = self.listing.hiding
        if hiding is None:
            return ""
        return f"?{Wanted(self.wanted.filters | {hiding.name: hiding.shown}, self.wanted.words).query}"

    @property
    def newest_link(self) -> str:
        return f"?{self.wanted.query}" if {"older", "newer"} & set(self.params) else ""

    def _link(self, way: str, key: str) -> str:
        return f"?{self.wanted.query}{'&' if self.wanted.query else ''}{urlencode({way: key})}" if key else ""


class KeysetMixin(Base):
    """Before ``TovgovAdmin`` or a subclass of it in a model admin's bases."""

    listing: ClassVar[Listing]
    change_list_template = "tovgov/listing.html"
    sortable_by = ()
    list_per_page = keyset.SIZE

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return KeysetChangeList

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return True  # nothing but the listing's own questions is ever looked up

    def get_urls(self) -> list[URLPattern]:
        keep = self.admin_site.admin_view(require_POST(self.save_filter))
        forget = self.admin_site.admin_view(require_POST(self.forget_filter))
        return [
            path("filters/save/", keep, name=f"{self.listing.page}_save_filter"),
            path("filters/<int:pk>/forget/", forget, name=f"{self.listing.page}_forget_filter"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if "saved" in request.GET:
            return self._follow(request)
        wanted = self.listing.read(request.GET)
        answers = wanted.filters | {WORDS: wanted.words or wanted.filters.get(WORDS, "")}
        kept = saved.visible(self.listing.page, request.user)
        context = {
            "listing": self.listing,
            "save_url": f"admin:{self.listing.page}_save_filter",
            "forget_url": f"admin:{self.listing.page}_forget_filter",
            "wanted": wanted,
            "asked": [Question(one, answers.get(one.name, "")) for one in self.listing.filters],
            "words": answers[WORDS],
            "saved_filters": list(kept),
            "export_formats": self._formats(request),
        }
        return super().changelist_view(request, context | (extra_context or {}))

    def _formats(self, request: HttpRequest) -> list[tuple[str, str]]:
        may = request.user.has_perm(self.listing.export_permission)
        return [(one.value, str(one.label)) for one in LIST_FORMATS] if may else []

    def _follow(self, request: HttpRequest) -> HttpResponse:
        """A permalink goes to what the filter says now."""
        text = request.GET["saved"]
        kept = saved.visible(self.listing.page, request.user)
        row = kept.filter(pk=int(text)).first() if text.isdecimal() and len(text) < 19 else None
        if row is None:
            self.message_user(request, "This filter was removed, or is not shared with you.", messages.WARNING)
        return HttpResponseRedirect(f"{self._list_url()}?{row.query if row else ''}")

    def save_filter(self, request: HttpRequest) -> HttpResponse:
        """Keep the list as it is filtered now under a name."""
        query, shared = request.POST.get("query", ""), "shared" in request.POST
        try:
            row = saved.save(
                self.listing, request.POST.get("name", ""), query, is_shared=shared, actor=actor_of(request)
            )
            self.message_user(request, f"Saved: {row.name}", messages.SUCCESS)
        except TovgovError as error:
            self.message_user(request, explain(error), messages.ERROR)
        return HttpResponseRedirect(f"{self._list_url()}?{self.listing.read(query).query}")

    def forget_filter(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = SavedFilter.objects.filter(pk=pk, page=self.listing.page).first()
        try:
            if row is None:
                raise NotPermitted("This filter is gone.")
            saved.forget(row, actor=actor_of(request))
            self.message_user(request, f"Removed: {row.name}", messages.SUCCESS)
        except TovgovError as error:
            self.message_user(request, explain(error), messages.ERROR)
        return HttpResponseRedirect(self._list_url())

    def _list_url(self) -> str:
        return reverse(f"admin:{self.listing.page}_changelist")


class Question:
    """A filter as the form shows it, with its answer."""

    def __init__(self, one: Filter, answer: str) -> None:
        self.name, self.kind, self.hint, self.answer = one.name, one.kind, one.hint, answer
        self.label = capfirst(one.label)
        self.choices = one.choices() if one.kind == "choice" else []
        self.nothing = "Any" if one.absent is None else "Hidden"
