"""Users and groups. What a person may do comes from their groups alone, and groups come from ``audit/groups.py``."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from audit import ledger
from audit.admin.base import TovgovAdmin, actor_of
from audit.templatetags.tovgov import age, badge

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class PersonAdmin(TovgovAdmin, UserAdmin):  # type: ignore[type-arg]
    """Django's own, without single permissions: nobody can say afterwards why somebody holds one."""

    list_display = ("username", "email", "group_names", "active", "seen")
    list_filter = ("is_active", "is_superuser", "groups")
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Who it is", {"fields": ("first_name", "last_name", "email")}),
        ("What they may do", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("When", {"fields": ("last_login", "date_joined")}),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    def formfield_for_manytomany(self, db_field: Any, request: Any, **options: Any) -> Any:
        if db_field.name == "groups":
            options["widget"] = forms.CheckboxSelectMultiple
        return super().formfield_for_manytomany(db_field, request, **options)

    @admin.display(description="groups")
    def group_names(self, obj: User) -> str:
        names = [group.name for group in obj.groups.all()]
        return ", ".join(["superuser", *names] if obj.is_superuser else names) or "–"

    @admin.display(description="state", ordering="is_active")
    def active(self, obj: User) -> SafeString:
        return badge("good", "Active") if obj.is_active else badge("quiet", "Locked out")

    @admin.display(description="last seen", ordering="last_login")
    def seen(self, obj: User) -> SafeString | str:
        return age(obj.last_login)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Who gave whom which rights stands in the ledger."""
        super().save_related(request, form, formsets, change)
        user = form.instance
        ledger.append(
            "user.change" if change else "user.add",
            actor=actor_of(request),
            obj=user,
            changed=[name for name in form.changed_data if "password" not in name],
            groups=[group.name for group in user.groups.all()],
            superuser=user.is_superuser,
            active=user.is_active,
        )


@admin.register(Group)
class ReadOnlyGroupAdmin(TovgovAdmin, GroupAdmin):
    """The four groups as they are: migrations set them, so a change made here would not last."""

    fields = ("name", "acts_allowed")
    readonly_fields = ("name", "acts_allowed")
    list_display = ("name", "size")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="people")
    def size(self, obj: Group) -> int:
        return obj.user_set.count()

    @admin.display(description="may")
    def acts_allowed(self, obj: Group) -> SafeString | str:
        names = obj.permissions.exclude(codename__startswith="view_").order_by("name").values_list("name")
        return format_html_join("", "<div>{}</div>", names) or "Look at everything, change nothing."
