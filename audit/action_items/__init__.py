"""Action items: what is owed after an incident. Given to a person, done, or dropped with a reason."""

from audit.action_items.items import (
    KEEP,
    add,
    change,
    drop,
    find,
    finish,
    mine,
    owners,
    reopen,
    start,
)

__all__ = ["KEEP", "add", "change", "drop", "find", "finish", "mine", "owners", "reopen", "start"]
