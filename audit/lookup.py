"""What a person names on the command line or to the API, found or refused with a sentence."""

from __future__ import annotations

from audit.exceptions import UnknownTarget
from audit.models import Target


def find_target(name: str) -> Target:
    """The target of this exact name. Raises ``UnknownTarget``."""
    target = Target.objects.filter(name=name).first()
    if target is None:
        raise UnknownTarget(f'There is no target "{name}".')
    return target
