"""The ledger's two verbs: append an entry, verify the chain.

Each entry holds the SHA-256 of its own facts and of the entry before it (a hash chain as in Haber and Stornetta,
"How to time-stamp a digital document", 1991). The head is sealed with an HMAC whose key is not in the database.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

from audit import conf
from audit.actors import Actor
from audit.exceptions import KeyMissing, LedgerBroken
from audit.models import LedgerEntry, LedgerHead, Target

GENESIS = "0" * 64
CHAIN_LOCK = 0x746F7667  # "tovg": one appender at a time, to the end of its transaction
FAULT = "ledger.fault"  # the action of an entry that says: what stood before me is not what was sealed


def hold() -> None:
    """Be the one who appends, to the end of the transaction. Whoever appends and then locks more rows calls it before
    the first row: whoever holds the row and waits for the ledger would else be waited for (a deadlock)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHAIN_LOCK])


def append(
    action: str,
    *,
    actor: Actor,
    obj: models.Model | None = None,
    target: Target | None = None,
    reason: str = "",
    **detail: Any,
) -> LedgerEntry:
    """Write one entry in the caller's transaction: the act and its record come to stand together or not at all.

    ``detail`` must be JSON and must hold no secret. A chain whose end is not the sealed one gets an entry of its own
    that says so first: appending never covers up. Raises ``KeyMissing`` when there is no key to seal with.
    """
    with transaction.atomic():
        hold()
        number, chain_hash, fault = _end()
        if fault:
            system = Actor.system("ledger")
            note = _write(number + 1, chain_hash, action=FAULT, actor=system, detail={"fault": fault})
            number, chain_hash = note.number, note.hash
        entry = _write(
            number + 1,
            chain_hash,
            action=action,
            actor=actor,
            object_type=obj._meta.label if obj is not None else "",
            object_id=str(obj.pk) if obj is not None else "",
            object_label=_plain(str(obj))[:255] if obj is not None else "",
            target=target.name if target is not None else "",
            reason=_plain(reason),
            detail=canonical(detail),
        )
        _seal(entry.number, entry.hash)
    return entry


def _write(number: int, previous_hash: str, *, actor: Actor, **facts: Any) -> LedgerEntry:
    entry = LedgerEntry(
        number=number,
        at=timezone.now(),
        actor=actor.name,
        source=_plain(actor.source)[:120],
        previous_hash=previous_hash,
        **facts,
    )
    entry.hash = digest(entry)
    entry.save(force_insert=True)
    return entry


def _end() -> tuple[int, str, str]:
    """Where the chain goes on (number and hash), and what is wrong with that place.

    The sealed head is believed, not the table: after a cut the numbers go on behind the gap, so it stays seen.
    """
    last = LedgerEntry.objects.order_by("-number").values_list("number", "hash").first()
    head = LedgerHead.objects.first()
    if head is None:
        return (*last, "The sealed head was missing.") if last else (0, GENESIS, "")
    if not is_sealed(head):
        return (*(last or (head.number, head.hash)), "The head's seal was not made with a key we know.")
    if last is None or last[0] < head.number:
        return head.number, head.hash, ""
    if last != (head.number, head.hash):
        return (*last, f"The sealed head said {head.number}, the chain ended at {last[0]}.")
    return (*last, "")


def _seal(number: int, chain_hash: str) -> None:
    facts = {"number": number, "hash": chain_hash, "seal": seal_of(number, chain_hash, _keys()[0])}
    if not LedgerHead.objects.filter(id=1).update(**facts):
        LedgerHead.objects.create(id=1, **facts)


def canonical(detail: Any) -> Any:
    """``detail`` as the database will give it back: jsonb changes large floats and refuses NUL, NaN and lone
    surrogates, and a hash must not depend on that."""
    return _tame(json.loads(json.dumps(detail, default=str)))


def _tame(value: Any) -> Any:
    if isinstance(value, dict):
        return {_plain(key): _tame(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_tame(item) for item in value]
    if isinstance(value, float):
        return str(value) if not math.isfinite(value) else int(value) if value.is_integer() else value
    return _plain(value) if isinstance(value, str) else value


def _plain(text: str) -> str:
    return text.replace("\0", "�").encode("utf-8", "replace").decode()


def digest(entry: LedgerEntry) -> str:
    """SHA-256, in hex, over the canonical JSON of every field but the hash itself."""
    facts = {field.attname: getattr(entry, field.attname) for field in entry._meta.fields if field.attname != "hash"}
    at: datetime = facts["at"]
    facts["at"] = at.astimezone(UTC).isoformat()
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _keys() -> list[str]:
    keys = conf.secret_keys()
    if not keys:
        raise KeyMissing("TOVGOV_SECRET_KEYS is empty: the ledger cannot be sealed.")
    return keys


def seal_of(number: int, chain_hash: str, key: str) -> str:
    """HMAC-SHA-256 of the chain's end. The newest key seals; every known key is believed (see ``reseal``)."""
    return hmac.new(key.encode(), f"ledger-head:{number}:{chain_hash}".encode(), "sha256").hexdigest()


def is_sealed(head: LedgerHead) -> bool:
    """Whether the head's seal was made with any of our keys. Raises ``KeyMissing``."""
    return any(hmac.compare_digest(head.seal, seal_of(head.number, head.hash, key)) for key in _keys())


def reseal() -> bool:
    """Seal the head with the newest key, so that older ones can be dropped; whether there was a head to seal.

    Raises ``LedgerBroken``: a head that none of our keys has sealed is never made to look right.
    """
    with transaction.atomic():
        hold()
        head = LedgerHead.objects.first()
        if head is None:
            return False
        if not is_sealed(head):
            raise LedgerBroken(
                "The ledger's head was not sealed with any key in TOVGOV_SECRET_KEYS.",
                hint="Put the former key back behind the new one. If it never left, run: manage.py ledger verify",
            )
        _seal(head.number, head.hash)
    return True


@dataclass(frozen=True, slots=True)
class Verdict:
    """What ``verify`` found: how many entries it read and every fault, in order; sound when there is none."""

    entries: int
    head: str
    faults: list[str]

    @property
    def is_sound(self) -> bool:
        return not self.faults


def verify(*, anchors: dict[int, str] | None = None) -> Verdict:
    """Walk the whole chain and name every altered, removed, inserted or reordered entry.

    ``anchors`` are number → hash pairs published outside (each backup's manifest carries one); they also catch a
    chain that was rewritten from the start with a stolen key, or set back to an older head.
    """
    with transaction.atomic():
        if not connection.savepoint_ids:  # one snapshot for entries and head: what is appended meanwhile is no fault
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return _walk(anchors or {})


def _walk(anchors: dict[int, str]) -> Verdict:
    faults: list[str] = []
    previous, expected, count = GENESIS, 1, 0
    for entry in LedgerEntry.objects.order_by("number").iterator(2000):
        faults += _entry_faults(entry, expected, previous)
        if anchors.get(entry.number, entry.hash) == entry.hash:
            anchors = {number: value for number, value in anchors.items() if number != entry.number}
        previous, expected, count = entry.hash, entry.number + 1, count + 1
    faults += _head_faults(expected - 1, previous)
    faults += [f"Entry {number} is not the one that a backup's manifest vouches for." for number in sorted(anchors)]
    return Verdict(count, previous, faults)


def _entry_faults(entry: LedgerEntry, expected: int, previous: str) -> list[str]:
    faults = []
    if entry.number != expected:
        faults.append(f"Entries {expected} to {entry.number - 1} are missing.")
    elif entry.previous_hash != previous:
        faults.append(f"Entry {entry.number} does not follow the one before it.")
    if digest(entry) != entry.hash:
        faults.append(f"Entry {entry.number} was altered.")
    if entry.action == FAULT:
        faults.append(f"Entry {entry.number} records: {entry.detail.get('fault')}")
    return faults


def _head_faults(number: int, chain_hash: str) -> list[str]:
    head = LedgerHead.objects.first()
    if head is None:
        return ["The sealed head is missing."] if number else []
    if not is_sealed(head):
        return ["The head's seal was not made with a key we know."]
    if head.number > number:
        return [f"Entries {number + 1} to {head.number} were removed from the end."]
    if (head.number, head.hash) != (number, chain_hash):
        return [f"The chain ends at entry {number}, the sealed head says {head.number}."]
    return []
