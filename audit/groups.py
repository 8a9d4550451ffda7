"""The four groups and what each may do. Run after every migration, so that a new permission reaches its group."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

VIEW = Q(codename__startswith="view_") & Q(content_type__app_label__in=["audit", "backups"])

EXPORTS = [
    "export_deletion",
    "export_connection",
    "export_log",
    "export_ledger",
    "export_report",
    "export_lesson",
    "export_action",
]
"""Reading and taking away: auditors may both, of everything."""
SEND = ["add_reportschedule", "change_reportschedule", "delete_reportschedule"]

STAFF = [
    "test_target",
    "start_backup",
    "verify_backup",
    "hold_backup",
    "cancel_job",
    "request_restore",
    "acknowledge_alert",
    "silence_alert",
    "try_anomaly",
    "issue_token",
    "add_schedule",
    "change_schedule",
    "delete_schedule",
    "plan_protection",
    "undelete",
    "open_window",
    "run_import",
    "review_deletion",
    "review_connection",
    "review_log",
    "handle_incident",
    "review_postmortem",
    "keep_action",
    "keep_lesson",
    *EXPORTS,
    *SEND,
    "import_report",
]
MANAGER = [
    *STAFF,
    "lead_incident",
    "review_access",
    "allow_address",
    "export_evidence",
    "add_target",
    "change_target",
    "identify_target",
    "add_credential",
    "change_credential",
    "delete_credential",
    "add_sentineltable",
    "change_sentineltable",
    "delete_sentineltable",
    "add_destination",
    "change_destination",
    "add_retentionpolicy",
    "change_retentionpolicy",
    "apply_retention",
    "edit_policy",
    "install_protection",
    "confirm_client",
    "set_noise",
    "change_publicationplace",
    "manage_sources",
    "add_notificationchannel",
    "change_notificationchannel",
    "delete_notificationchannel",
    "test_channel",
    "change_anomalysettings",
]
APPROVER = [
    "decide_approval",
    "override_loss",
    "acknowledge_alert",
    "review_deletion",
    "review_connection",
    "review_log",
    "handle_incident",
    "review_postmortem",
    "keep_action",
    "keep_lesson",
    "confirm_client",
    "silence_alert",
]
AUDITOR = [*EXPORTS, "review_access", "export_evidence"]

GROUPS = {"manager": MANAGER, "staff": STAFF, "auditor": AUDITOR, "approver": APPROVER}


def ensure_groups() -> None:
    """Make the groups and give each exactly its permissions: all may look, few may act; auditors take everything
    away as files and change nothing."""
    views = list(Permission.objects.filter(VIEW))
    for name, codenames in GROUPS.items():
        group, _ = Group.objects.get_or_create(name=name)
        acts = Permission.objects.filter(codename__in=codenames, content_type__app_label__in=["audit", "backups"])
        group.permissions.set([*views, *acts])
