from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = "Audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from audit import checks, jobs, losses, registry  # noqa: F401  # checks registers itself
        from audit.evidence import ask as evidence
        from audit.exports import request as exports
        from audit.imports import leaving
        from audit.models import AuditImport, EvidencePack, Export, LossCount, ProtectionRun, SealVerification, Undelete
        from audit.runbooks import begin_by_itself, doors
        from audit.seals import request as seals
        from audit.undelete.perform import settle

        jobs.register(ProtectionRun, "audit.tasks.run_protection")
        jobs.register(AuditImport, "audit.tasks.run_import", queue=jobs.SHORT)
        jobs.register(SealVerification, seals.TASK)
        jobs.register(LossCount, losses.TASK)
        jobs.register(Undelete, "audit.tasks.run_undelete", after_death=settle)
        jobs.register(Export, exports.TASK, after_death=exports.after_death, asker_cancels=True)
        jobs.register(EvidencePack, evidence.TASK, after_death=evidence.after_death, asker_cancels=True)
        if leaving.import_log not in registry.log_importers:
            registry.log_importers.append(leaving.import_log)
        if begin_by_itself not in registry.incident_opened:
            registry.incident_opened.append(begin_by_itself)
        doors.register()
