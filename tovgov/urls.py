from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from audit.api import api
from audit.api import router as audit_router
from backups.api import router as backups_router

api.add_router("", audit_router)
api.add_router("", backups_router)

handler403 = "tovgov.admin.not_permitted"
handler404 = "tovgov.admin.not_found"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", api.urls),
    path("", RedirectView.as_view(pattern_name="admin:index")),
]
