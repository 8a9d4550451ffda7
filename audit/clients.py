"""Known clients of a target: learned from the sessions that were let in, confirmed or refused by a person.

A client is known when its address, its role and its application are, and its hour where the target has confirmed hours.
What is not known is *new* and stands out; what is confirmed is no noise for a person to look at.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import TruncHour
from django.utils import timezone

from audit import ledger
from audit.actors import Actor
from audit.exceptions import ClientInvalid, NoSuchClient
from audit.models import (
    ClientPart,
    ClientState,
    ConnectionAuditLog,
    ConnectionGroup,
    ConnectionOutcome,
    KnownClient,
    ReviewState,
    Target,
)

CONFIRM = "audit.confirm_client"
LEARN_DAYS, LEARN_TIMES = 3, 10
"""Seen so often on so many days, a value is learned: it is not new any more, and waits for a person."""
FORGET_DAYS = 60
"""What was seen a few times only, and not for so long, is forgotten."""
LOCAL = "local"
REFRESHED = 20_000
"""So many waiting groups are judged anew after a decision; older ones keep what they had."""
HOURS = re.compile(r"([01]\d|2[0-3])(?:-([01]\d|2[0-4]))?")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Key = tuple[str, str]
"""Part and value."""
Seen = dict[tuple[Key, date], tuple[int, datetime]]
"""Of a part and value, on one day: how many sessions, and the moment of the newest."""

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('tovgov connections ' || %s::text, 0))"
COUNT = """
INSERT INTO audit_knownclient AS known (target_id, part, value, state, times, days, first_at, last_at, decided_by)
SELECT %s, part, value, 'seen', times, 1, at, at, ''
  FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::timestamptz[]) AS seen (part, value, times, at)
    ON CONFLICT (target_id, part, value) DO UPDATE SET
       times = known.times + excluded.times,
       days = known.days + CASE WHEN known.last_at IS NULL
            OR (excluded.last_at AT TIME ZONE 'UTC')::date > (known.last_at AT TIME ZONE 'UTC')::date THEN 1 ELSE 0 END,
       first_at = LEAST(known.first_at, excluded.first_at),
       last_at = GREATEST(known.last_at, excluded.last_at)
"""


def lock(target_id: int) -> None:
    """What is known of a target's connections changes by one at a time, to the end of the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [target_id])


# --- judging ---------------------------------------------------------------------------------------------------------


@dataclass
class Known:
    """What is known of one target's clients, at hand for judging many sessions."""

    states: dict[Key, str] = field(default_factory=dict)
    ranges: list[tuple[Network, str]] = field(default_factory=list)
    hours: dict[int, str] = field(default_factory=dict)
    has_hours: bool = False

    def state(self, part: str, value: str) -> str:
        """seen, learned, confirmed or refused; a refusal is stronger than a range around it, an exact value too."""
        if part == ClientPart.HOURS:
            return self.hours.get(int(value), ClientState.SEEN)
        exact = self.states.get((part, value), ClientState.SEEN)
        if part != ClientPart.ADDRESS or exact in (ClientState.REFUSED, ClientState.CONFIRMED) or value == LOCAL:
            return exact
        address = ipaddress.ip_address(value)
        around = {state for network, state in self.ranges if address in network}
        strongest = (ClientState.REFUSED, ClientState.CONFIRMED)
        return next((state for state in strongest if state in around), exact)

    def judge(self, keys: Iterable[Key]) -> tuple[list[str], bool]:
        """What is new among a session's parts, as words, and whether all of it is confirmed."""
        new, is_confirmed = [], True
        for part, value in keys:
            if part == ClientPart.HOURS and not self.has_hours:
                continue
            state = self.state(part, value)
            is_confirmed = is_confirmed and state == ClientState.CONFIRMED
            if state == ClientState.REFUSED:
                new.append(f"refused {WORDS[part]}")
            elif state == ClientState.SEEN:
                new.append(WORDS[part])
        return new, is_confirmed


WORDS: dict[str, str] = {
    ClientPart.ADDRESS: "address",
    ClientPart.ROLE: "role",
    ClientPart.APPLICATION: "application",
    ClientPart.HOURS: "hour",
}


def known(target_id: int) -> Known:
    """What was learned, confirmed and refused of a target."""
    found = Known()
    rows = KnownClient.objects.filter(target=target_id).exclude(state=ClientState.SEEN)
    for part, value, state in rows.values_list("part", "value", "state"):
        found.states[part, value] = state
        if part == ClientPart.ADDRESS and "/" in value:
            found.ranges.append((ipaddress.ip_network(value), state))
        elif part == ClientPart.HOURS:
            _take_hours(found, value, state)
    return found


def _take_hours(found: Known, value: str, state: str) -> None:
    found.has_hours = found.has_hours or state == ClientState.CONFIRMED
    weight = (ClientState.SEEN, ClientState.LEARNED, ClientState.CONFIRMED, ClientState.REFUSED)
    for hour in hours_of(value):
        if weight.index(ClientState(state)) > weight.index(ClientState(found.hours.get(hour, ClientState.SEEN))):
            found.hours[hour] = state


def hours_of(value: str) -> list[int]:
    """``06`` is that hour, ``06-22`` from six until ten in the evening, ``22-06`` over midnight."""
    first, _, end = value.partition("-")
    if not end:
        return [int(first)]
    length = (int(end) - int(first)) % 24 or 24
    return [(int(first) + n) % 24 for n in range(length)]


def keys_of(address: str | None, role: str, application: str, at: datetime) -> list[Key]:
    """The parts of one session."""
    return [
        (ClientPart.ADDRESS, str(address) if address else LOCAL),
        (ClientPart.ROLE, role),
        (ClientPart.APPLICATION, application),
        (ClientPart.HOURS, f"{at.astimezone(UTC).hour:02}"),
    ]


# --- learning --------------------------------------------------------------------------------------------------------


def count(target_id: int, seen: Seen) -> None:
    """Count sessions that were let in. The caller holds the target's ``lock``."""
    with connection.cursor() as cursor:
        for day in sorted({day for _, day in seen}):  # an older day first: days are counted as they pass
            rows = sorted((*key, *facts) for (key, of), facts in seen.items() if of == day)
            parts, values, times, last = map(list, zip(*rows, strict=True))
            cursor.execute(COUNT, [target_id, parts, values, times, last])


def learn() -> int:
    """Once a minute: what was seen often enough is learned, what was not and is long ago is forgotten. Returns how many
    were learned."""
    seen = KnownClient.objects.filter(state=ClientState.SEEN)
    learned = seen.filter(days__gte=LEARN_DAYS, times__gte=LEARN_TIMES).update(state=ClientState.LEARNED)
    seen.filter(last_at__lt=timezone.now() - timedelta(days=FORGET_DAYS)).delete()
    return learned


# --- deciding --------------------------------------------------------------------------------------------------------


def confirm(rows: Sequence[KnownClient], *, actor: Actor, reason: str = "") -> int:
    """They belong to the target. How many it changed. Raises ``NotPermitted``."""
    return _decide(rows, ClientState.CONFIRMED, actor=actor, reason=reason)


def refuse(rows: Sequence[KnownClient], *, actor: Actor, reason: str = "") -> int:
    """They do not: sessions with them stand out, however often they come. Nobody is kept out by it. Raises
    ``NotPermitted``."""
    return _decide(rows, ClientState.REFUSED, actor=actor, reason=reason)


def _decide(rows: Sequence[KnownClient], state: ClientState, *, actor: Actor, reason: str) -> int:
    actor.require(CONFIRM)
    changed = 0
    with transaction.atomic():
        for target_id in sorted({row.target_id for row in rows}):
            lock(target_id)
            pks = [row.pk for row in rows if row.target_id == target_id]
            held = KnownClient.objects.exclude(state=state).filter(pk__in=pks).select_related("target")
            if not (moved := list(held)):
                continue
            facts = {"decided_by": actor.name, "decided_at": timezone.now(), "state": state}
            changed += KnownClient.objects.filter(pk__in=[row.pk for row in moved]).update(**facts)
            named = [{"part": row.part, "value": row.value, "was": row.state} for row in moved]
            verb = "confirm" if state == ClientState.CONFIRMED else "refuse"
            obj = moved[0] if len(moved) == 1 else None
            ledger.append(f"client.{verb}", actor=actor, obj=obj, target=moved[0].target, reason=reason, clients=named)
            refresh(target_id)
    for row in rows:
        row.refresh_from_db()
    return changed


PLACES_AND_NAMES = (ClientPart.ADDRESS, ClientPart.ROLE, ClientPart.APPLICATION)
"""What is confirmed at once. Not hours: with the first one confirmed, all others stand out."""


def undecided(target: Target) -> QuerySet[KnownClient]:
    """What was seen or learned of a target and nobody has decided on, the most seen first."""
    open_states = (ClientState.SEEN, ClientState.LEARNED)
    rows = KnownClient.objects.filter(target=target, part__in=PLACES_AND_NAMES, state__in=open_states, times__gt=0)
    return rows.order_by("-times", "part", "value")


def give(target: Target, part: str, value: str, *, actor: Actor) -> KnownClient:
    """The row of a value that a person names: there already, or made (an address range, a role before its first
    login). It counts for nothing until it is confirmed or refused. Raises ``NotPermitted`` and ``ClientInvalid``."""
    actor.require(CONFIRM)
    return KnownClient.objects.get_or_create(target=target, part=part, value=checked(part, value))[0]


def checked(part: str, value: str) -> str:
    """``value`` as it is stored. Raises ``ClientInvalid``."""
    value = value.strip()
    if part not in ClientPart.values:
        raise ClientInvalid(f"“{part}” is no part of a client; {', '.join(ClientPart.values)} are.")
    if "\0" in value or len(value) > 63:
        raise ClientInvalid("A value has at most 63 characters.")
    if part == ClientPart.HOURS and not HOURS.fullmatch(value):
        raise ClientInvalid(f"“{value}” are no hours; write 06, or 06-22 for six until ten in the evening, in UTC.")
    if part == ClientPart.ADDRESS and value != LOCAL:
        try:
            network = ipaddress.ip_network(value)
        except ValueError as error:
            raise ClientInvalid(f"“{value}” is no address and no range: {error}.") from None
        return str(network) if network.num_addresses > 1 else str(network.network_address)
    return value


def find(pks: Iterable[int]) -> list[KnownClient]:
    """Clients by their numbers. Raises ``NoSuchClient``."""
    wanted = list(dict.fromkeys(pks))
    found = list(KnownClient.objects.filter(pk__in=wanted).select_related("target"))
    if len(found) < len(wanted):
        missing = sorted(set(wanted) - {row.pk for row in found})
        raise NoSuchClient(f"There is no known client {', '.join(map(str, missing[:10]))}.")
    return found


# --- what waits is judged anew ---------------------------------------------------------------------------------------


def refresh(target_id: int) -> int:
    """Judge the groups of let-in sessions that nobody has looked at anew; how many changed. The caller holds the
    target's ``lock``."""
    now = known(target_id)
    waiting = ConnectionGroup.objects.filter(
        target=target_id, state=ReviewState.UNREVIEWED, outcome=ConnectionOutcome.ACCEPTED
    )
    changed = []
    for group in waiting.order_by("-at", "-id")[:REFRESHED]:
        parts = keys_of(group.client_address, group.role, group.application_name, group.at)
        if now.has_hours:
            parts = [key for key in parts if key[0] != ClientPart.HOURS] + _hours_in(group)
        new, is_confirmed = now.judge(parts)
        new = list(dict.fromkeys(new))
        if (new, is_confirmed) != (group.new, group.is_noise):
            group.new, group.is_noise = new, is_confirmed
            changed.append(group)
    ConnectionGroup.objects.bulk_update(changed, ["new", "is_noise"], batch_size=500)
    return len(changed)


def _hours_in(group: ConnectionGroup) -> list[Key]:
    """The hours in which its sessions began."""
    if group.count == 1:
        moments: Iterable[datetime] = [group.at]
    else:
        rows = ConnectionAuditLog.objects.filter(of_group=group, same_as=None).order_by()
        moments = rows.annotate(hour=TruncHour("at", tzinfo=UTC)).values_list("hour", flat=True).distinct()
    return [(ClientPart.HOURS, f"{at.astimezone(UTC).hour:02}") for at in moments]
