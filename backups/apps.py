from django.apps import AppConfig


class BackupsConfig(AppConfig):
    name = "backups"
    verbose_name = "Backups"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from audit import jobs, registry
        from backups import (  # noqa: F401
            alarms,
            catalogue,
            checks,
            create,
            doors,
            evidence,
            facts,
            moments,
            preflight,
            recoveries,
            reports,
            retention,
            schedules,
            tasks,
            verify,
        )
        from backups.models import Backup, Restore, Verification
        from backups.restore import request, tidy
        from backups.schema_copy import copy_schema

        jobs.register(Backup, create.TASK, after_death=create.after_death)
        jobs.register(Verification, verify.TASK, after_death=verify.after_death)
        jobs.register(Restore, request.TASK, after_death=tidy.after_death)
        registry.every_minute(schedules.start_due)
        registry.every_minute(retention.start_due)
        registry.every_minute(alarms.check)
        registry.every_minute(tasks.keep_house)
        registry.preflight_probes.append(preflight.lines)
        registry.schema_copiers.append(copy_schema)
        registry.table_counts.append(facts.table_counts)
        registry.moments.append(moments.between)
        registry.proved_counts.append(recoveries.proved_counts)
        registry.seen_counts.append(recoveries.seen_counts)
        registry.recoveries.append(recoveries.since)
        registry.recovery_of["backups.Restore"] = recoveries.of_restore
        registry.reports += [report for report in reports.ALL if report not in registry.reports]
        registry.evidence.append(evidence.of)
        registry.ledger_anchors.append(catalogue.ledger_anchors)
        doors.register()
