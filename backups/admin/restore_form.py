"""Asking for a restore: live against backup, what stands in the way, who must agree; then one POST that starts it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import Http404, HttpRequest, QueryDict
from django.urls import reverse

from audit.admin.acts import Done, TypedName
from audit.admin.base import actor_of
from audit.exceptions import TovgovError
from audit.models import ApprovalState, Target
from audit.templatetags.tovgov import page_of
from backups.exceptions import DryRunMissing, NameNotTyped, WouldLoseRows
from backups.models import Backup, RestoreMode
from backups.restore import request as asking
from backups.restore.request import Preview

MODES = {
    RestoreMode.REPLACE: "Everything as it was in the backup. The database of today is put aside and kept for undo.",
    RestoreMode.RECOVER: "The database was dropped. It is made again, owner, rights and settings included.",
    RestoreMode.MERGE: "Only rows whose key is missing come back. Nothing that is there is changed or deleted.",
    RestoreMode.COPY: "Into another target: staging or scratch. Data moves downwards only.",
}


@dataclass(frozen=True)
class Wish:
    """What somebody thinks of restoring, as it stands in the page's address."""

    backup: Backup
    target: Target
    mode: RestoreMode
    tables: list[str] = field(default_factory=list)
    override_loss: bool = False
    owner_map: dict[str, str] = field(default_factory=dict)
    with_privileges: bool = False

    @property
    def is_merge(self) -> bool:
        return self.mode == RestoreMode.MERGE

    @property
    def options(self) -> dict[str, Any]:
        """As ``backups.restore.request`` takes them."""
        return {
            "override_loss": self.override_loss,
            "merge_tables": self.tables,
            "owner_map": self.owner_map,
            "with_privileges": self.with_privileges,
        }

    def url(self, **changes: Any) -> str:
        """The page of this wish, or of one that differs by ``changes``."""
        query: dict[str, Any] = {"backup": self.backup.pk, "mode": self.mode, "target": self.target.pk}
        query |= {"table": self.tables, "owner": [f"{a}={b}" for a, b in self.owner_map.items()]}
        query |= {"override": "on"} if self.override_loss else {}
        query |= {"privileges": "on"} if self.with_privileges else {}
        return f"{reverse('admin:backups_restore_add')}?{urlencode(query | changes, doseq=True)}"


def restore_url(backup: Backup, mode: str, **more: Any) -> str:
    """The page that asks for a restore of ``backup``."""
    query = urlencode({"backup": backup.pk, "mode": mode} | more, doseq=True)
    return f"{reverse('admin:backups_restore_add')}?{query}"


def read(query: QueryDict) -> Wish:
    """The wish in a page's address. Raises ``Http404`` when it names nothing that exists."""
    pk, mode = query.get("backup", ""), query.get("mode", RestoreMode.REPLACE)
    backup = Backup.objects.select_related("target").filter(pk=pk).first() if pk.isdigit() else None
    if backup is None or mode not in RestoreMode.values:
        raise Http404
    target = backup.target
    if mode == RestoreMode.COPY:
        target = Target.objects.filter(pk=int(query.get("target") or 0)).first() or target
    pairs = [line.split("=", 1) for text in query.getlist("owner") for line in text.splitlines() if "=" in line]
    return Wish(
        backup=backup,
        target=target,
        mode=RestoreMode(mode),
        tables=query.getlist("table") if mode == RestoreMode.MERGE else [],
        override_loss=bool(query.get("override")),
        owner_map={ours.strip(): theirs.strip() for ours, theirs in pairs},
        with_privileges=bool(query.get("privileges")),
    )


@dataclass
class Page:
    """The page: the preview, and which way is open."""

    wish: Wish
    preview: Preview | None
    fault: TovgovError | None
    form: forms.Form
    way: str
    """ask, wait, dry-run, start, or nothing."""

    @property
    def refusals(self) -> list[Any]:
        """What stands in the way; a name that is not typed yet and a dry run that is due do not."""
        passing = {NameNotTyped.code, DryRunMissing.code}
        return [found for found in self.preview.refusals if found.code not in passing] if self.preview else []

    @property
    def remarks(self) -> list[Any]:
        found = self.preview.findings if self.preview else []
        return [one for one in found if one.status in ("remark", "unknown")]

    @property
    def may_override(self) -> bool:
        return any(found.code == WouldLoseRows.code for found in self.refusals) and not self.wish.override_loss


def look(request: HttpRequest, wish: Wish) -> Page:
    """See what would happen, live. Changes nothing."""
    preview, fault = None, None
    try:
        preview = asking.preview(wish.backup, wish.target, wish.mode, actor=actor_of(request), **wish.options)
    except TovgovError as error:
        fault = error
    page = Page(wish, preview, fault, forms.Form(), "")
    page.way = _way(page)
    page.form = _form(page, request.POST if request.method == "POST" else None)
    return page


def _way(page: Page) -> str:
    preview = page.preview
    if preview is None or page.refusals:
        return "nothing"
    if any(found.code == DryRunMissing.code for found in preview.refusals):
        return "dry-run"
    if not preview.needs_approval:
        return "start"
    ways = {str(ApprovalState.APPROVED): "start", str(ApprovalState.WAITING): "wait"}
    return ways.get(preview.approval.state, "ask") if preview.approval else "ask"


def _form(page: Page, data: Any) -> forms.Form:
    form = forms.Form(data, auto_id="restore_%s")
    if page.way not in ("start", "ask", "dry-run"):
        return form
    approval = page.preview.approval if page.preview else None
    form.fields["reason"] = forms.CharField(
        label="Why?",
        initial=approval.reason if approval else "",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Kept in the ledger with your name, and shown to whoever must agree.",
    )
    if page.way == "start" and page.preview and page.preview.needs_typed_name:
        form.fields["typed_name"] = TypedName(page.wish.target.database)
    return form


def act(request: HttpRequest, page: Page) -> Done:
    """Do what the open way says. Raises ``TovgovError``."""
    wish, data, actor = page.wish, page.form.cleaned_data, actor_of(request)
    options: dict[str, Any] = {"mode": str(wish.mode), "reason": data["reason"], **wish.options}
    if page.way == "ask":
        approval = asking.ask_approval(wish.backup, wish.target, actor=actor, **options)
        return Done("Asked. A second person decides; you can start it then.", page_of(approval))
    if page.way == "dry-run":
        restore = asking.request(wish.backup, wish.target, actor=actor, dry_run=True, **options)
        return Done("A dry run is queued. It changes nothing.", page_of(restore))
    typed = data.get("typed_name", "")
    restore = asking.request(wish.backup, wish.target, actor=actor, typed_name=typed, **options)
    return Done("The restore is queued. This page shows every step.", page_of(restore))
