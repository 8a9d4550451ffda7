"""Every long list by its page, and the filters that people keep: their own, and those they share."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from audit.actors import Actor
from audit.exceptions import FilterInvalid, FilterNameTaken, NotPermitted
from audit.lists import connections, server_logs
from audit.lists.action_items import ACTIONS
from audit.lists.deletions import ROWS, TRANSACTIONS
from audit.lists.ledger_entries import LEDGER
from audit.lists.lessons import LESSONS
from audit.lists.listing import Listing
from audit.models import SavedFilter

LISTINGS = {
    listing.page: listing
    for listing in (
        TRANSACTIONS,
        ROWS,
        connections.GROUPS,
        connections.CONNECTIONS,
        server_logs.GROUPS,
        server_logs.ENTRIES,
        LEDGER,
        LESSONS,
        ACTIONS,
    )
}
"""A log that gets a long list joins here."""


def listing_of(page: str) -> Listing:
    """The list of this page. Raises ``FilterInvalid``."""
    if page not in LISTINGS:
        raise FilterInvalid(f"“{page[:80]}” is no list that can be filtered; there are {', '.join(sorted(LISTINGS))}.")
    return LISTINGS[page]


def save(listing: Listing, name: str, query: str, *, is_shared: bool, actor: Actor) -> SavedFilter:
    """Keep a filter under a name. It changes nothing that is recorded, so the ledger does not have it.

    Raises ``FilterInvalid``, ``FilterNameTaken`` and, for tovgov itself, ``NotPermitted``."""
    if actor.user is None:
        raise NotPermitted("A saved filter belongs to a person.")
    wanted = listing.read(query)
    listing.clause(wanted)
    if not name.strip() or len(name.strip()) > 80:
        raise FilterInvalid("A saved filter needs a name of at most 80 characters.")
    try:
        with transaction.atomic():
            return SavedFilter.objects.create(
                page=listing.page, name=name.strip(), query=wanted.query, owner=actor.user, is_shared=is_shared
            )
    except IntegrityError as error:
        raise FilterNameTaken(f"You have a filter “{name.strip()}” on this list already.") from error


def forget(row: SavedFilter, *, actor: Actor) -> None:
    """Remove one's own filter. Raises ``NotPermitted`` for somebody else's."""
    if actor.user is None or row.owner_id != actor.user.pk:
        raise NotPermitted("Only who saved a filter removes it.")
    row.delete()


def visible(page: str, user: Any) -> QuerySet[SavedFilter]:
    """The filters of a list that this person may use: their own and shared ones."""
    mine = Q(owner=user.pk) | Q(is_shared=True)
    return SavedFilter.objects.filter(mine, page=page).select_related("owner")
