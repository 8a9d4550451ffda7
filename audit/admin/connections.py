"""Connections: who was in which target."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from audit.admin.base import RecordAdmin
from audit.models import ConnectionAuditLog
from audit.templatetags.tovgov import age


@admin.register(ConnectionAuditLog)
class ConnectionAuditLogAdmin(RecordAdmin):
    record_template = "tovgov/connection.html"
    list_display = ("began", "target", "role", "address", "application_name", "encrypted", "source")
    list_filter = ("target", "source", ("at", admin.DateFieldListFilter))
    search_fields = ("role", "application_name")
    list_select_related = ("target",)
    empty_note = "Targets whose policy has the rule connection_log show their sessions here."

    @admin.display(description="began", ordering="at")
    def began(self, obj: ConnectionAuditLog) -> SafeString | str:
        return age(obj.at)

    @admin.display(description="from", ordering="client_address")
    def address(self, obj: ConnectionAuditLog) -> str:
        return obj.client_address or "the server itself, or hidden"

    @admin.display(description="TLS")
    def encrypted(self, obj: ConnectionAuditLog) -> str:
        return {True: "yes", False: "no", None: "unknown"}[obj.tls]

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {"connection": obj, "encrypted": self.encrypted(obj)}
