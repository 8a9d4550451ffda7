"""What a restore's two ends are worth. One database may be registered twice: the higher word counts."""

from __future__ import annotations

from audit.models import Environment, Target
from backups.manifest import Manifest
from backups.models import Backup


def environment_of(target: Target) -> Environment:
    """The highest environment that this very database is registered for, by whatever name."""
    known = [Environment(target.environment)]
    if target.is_identified:
        twins = Target.objects.filter(
            system_identifier=target.system_identifier, pinned_database=target.pinned_database, is_active=True
        )
        known += [Environment(value) for value in twins.values_list("environment", flat=True)]
    return max(known, key=lambda environment: environment.rank)


def source_environment(backup: Backup, manifest: Manifest) -> Environment:
    """The lower of what the backup's target was when it was made and what it is now."""
    known = [Environment(backup.target.environment)]
    if manifest.environment in Environment.values:
        known.append(Environment(manifest.environment))
    return min(known, key=lambda environment: environment.rank)
