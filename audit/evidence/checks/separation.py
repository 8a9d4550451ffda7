"""Whether production is apart: which targets share a server with one of another environment."""

from __future__ import annotations

from collections.abc import Iterator

from audit.evidence.held import Held
from audit.evidence.scope import Scope
from audit.models import Target
from audit.registry import Checked

TOPIC = "separation"


def check(scope: Scope, held: Held) -> Iterator[Checked]:
    known = [target for target in scope.targets if target.system_identifier]
    yield Checked(
        TOPIC,
        "Targets; does each share its server with its own environment alone?",
        len(scope.targets),
        len(known),
        [fault for target in known for fault in _shared(target)],
        [
            *(f"{one}: its server is not known." for one in scope.targets if not one.system_identifier),
            "What environment a target is of is what people entered; servers without a target are not seen.",
        ],
    )


def _shared(target: Target) -> Iterator[str]:
    others = Target.objects.filter(system_identifier=target.system_identifier, is_active=True)
    for other in others.exclude(environment=target.environment).order_by("pk"):
        yield f"{target} ({target.environment}) shares its server with a target of {other.environment}."
