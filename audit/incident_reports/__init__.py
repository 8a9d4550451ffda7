"""Incident reports written in Markdown: read line by line into a draft, looked at by a person, made an incident."""

from audit.incident_reports.draft import Draft
from audit.incident_reports.read import read
from audit.incident_reports.verbs import (
    IMPORT,
    confirm,
    find,
    known,
    read_again,
    take,
    throw_away,
)

__all__ = ["IMPORT", "Draft", "confirm", "find", "known", "read", "read_again", "take", "throw_away"]
