"""What audit knows. Facts only: fields, constraints, predicates and querysets; verbs live one layer up."""

from audit.models.action_items import OWED, ActionItem, ActionReminder, ActionState, Priority, ReminderState
from audit.models.alerts import Alert, AlertEvidence, Change, Severity
from audit.models.anomalies import AnomalyFiring, AnomalySettings
from audit.models.approvals import Approval, ApprovalState
from audit.models.clients import ClientPart, ClientState, KnownClient
from audit.models.connections import (
    ConnectionAuditLog,
    ConnectionGroup,
    ConnectionOutcome,
    ConnectionSource,
    PendingLogin,
)
from audit.models.evidence import EvidencePack, EvidencePart
from audit.models.exports import LIST_FORMATS, Export, ExportFormat
from audit.models.imports import (
    SERVER_LOGS,
    AuditImport,
    DeleteAuditLog,
    DeleteAuditTransaction,
    DeleteCount,
    ImportKind,
    ImportSource,
)
from audit.models.incident_reports import IncidentReport, IncidentReportState
from audit.models.incidents import Cause, Incident, IncidentKind, IncidentLoss, IncidentStatus, TimelineLine
from audit.models.jobs import OPEN_STATES, Job, JobManager, JobQuerySet, JobState
from audit.models.ledger import LedgerEntry, LedgerHead
from audit.models.lessons import Lesson
from audit.models.losses import LossCount
from audit.models.noise import LogSettings, NoiseFilter
from audit.models.notifications import Delivery, DeliveryState, NotificationChannel
from audit.models.own_acts import OwnAct
from audit.models.postmortems import PostMortem, PostMortemRevision, PostMortemState
from audit.models.protection import Protection, ProtectionPolicy, ProtectionRun, RunKind
from audit.models.reports import (
    REPORT_FORMATS,
    Look,
    MailState,
    ReportMail,
    ReportSchedule,
    Rhythm,
    TargetAccess,
    Weekday,
)
from audit.models.reviews import WAITING_STATES, Reviewed, ReviewEvent, ReviewState, SavedFilter
from audit.models.runbooks import Runbook, RunbookStep
from audit.models.seals import (
    Checkpoint,
    PlaceKind,
    Publication,
    PublicationPlace,
    RetiredRange,
    SealTile,
    SealTree,
    SealVerification,
)
from audit.models.server_logs import LogFile, LogFileState, LogSeverity, LogWords, ServerLogEntry, ServerLogGroup
from audit.models.targets import (
    Credential,
    Environment,
    Preflight,
    PreflightLine,
    Purpose,
    SentinelTable,
    Target,
)
from audit.models.tokens import ApiToken
from audit.models.undelete import Undelete
from audit.models.windows import MaintenanceWindow

__all__ = [
    "LIST_FORMATS",
    "OPEN_STATES",
    "OWED",
    "REPORT_FORMATS",
    "SERVER_LOGS",
    "WAITING_STATES",
    "ActionItem",
    "ActionReminder",
    "ActionState",
    "Alert",
    "AlertEvidence",
    "AnomalyFiring",
    "AnomalySettings",
    "ApiToken",
    "Approval",
    "ApprovalState",
    "AuditImport",
    "Cause",
    "Change",
    "Checkpoint",
    "ClientPart",
    "ClientState",
    "ConnectionAuditLog",
    "ConnectionGroup",
    "ConnectionOutcome",
    "ConnectionSource",
    "Credential",
    "DeleteAuditLog",
    "DeleteAuditTransaction",
    "DeleteCount",
    "Delivery",
    "DeliveryState",
    "Environment",
    "EvidencePack",
    "EvidencePart",
    "Export",
    "ExportFormat",
    "ImportKind",
    "ImportSource",
    "Incident",
    "IncidentKind",
    "IncidentLoss",
    "IncidentReport",
    "IncidentReportState",
    "IncidentStatus",
    "Job",
    "JobManager",
    "JobQuerySet",
    "JobState",
    "KnownClient",
    "LedgerEntry",
    "LedgerHead",
    "Lesson",
    "LogFile",
    "LogFileState",
    "LogSettings",
    "LogSeverity",
    "LogWords",
    "Look",
    "LossCount",
    "MailState",
    "MaintenanceWindow",
    "NoiseFilter",
    "NotificationChannel",
    "OwnAct",
    "PendingLogin",
    "PlaceKind",
    "PostMortem",
    "PostMortemRevision",
    "PostMortemState",
    "Preflight",
    "PreflightLine",
    "Priority",
    "Protection",
    "ProtectionPolicy",
    "ProtectionRun",
    "Publication",
    "PublicationPlace",
    "Purpose",
    "ReminderState",
    "ReportMail",
    "ReportSchedule",
    "RetiredRange",
    "ReviewEvent",
    "ReviewState",
    "Reviewed",
    "Rhythm",
    "RunKind",
    "Runbook",
    "RunbookStep",
    "SavedFilter",
    "SealTile",
    "SealTree",
    "SealVerification",
    "SentinelTable",
    "ServerLogEntry",
    "ServerLogGroup",
    "Severity",
    "Target",
    "TargetAccess",
    "TimelineLine",
    "Undelete",
    "Weekday",
]
