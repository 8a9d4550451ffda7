"""What people see of backups: one module per module of ``backups/models``, and what backups add to a target's page."""

from backups.admin import backups, destinations, restores, schedules, target_acts

__all__ = ["backups", "destinations", "restores", "schedules", "target_acts"]
