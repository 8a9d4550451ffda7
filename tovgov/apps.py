from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class TovgovAdminConfig(AdminConfig):
    """The plain admin, served by tovgov's own site: dashboard, sections, banner."""

    default_site = "tovgov.admin.TovgovAdminSite"

    def ready(self) -> None:
        """Leave the queue's own tables out: one row typed by hand there stops every schedule."""
        super().ready()
        from django.contrib import admin
        from django.contrib.auth.models import Group, User

        kept = {"audit", "backups"}
        for model in list(admin.site._registry):
            if model._meta.app_label not in kept and model not in (User, Group):
                admin.site.unregister(model)


class TovgovConfig(AppConfig):
    """The package itself, for its commands; it has no models."""

    name = "tovgov"
    verbose_name = "tovgov"
