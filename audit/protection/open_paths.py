"""Ways around ``grants_lockdown``: ownership, memberships, predefined roles, attributes, opened server settings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from psycopg import Connection

from audit.protection import role_paths
from audit.protection.facts import TargetFacts
from audit.protection.grants import PUBLIC, Thing
from audit.protection.kept_verbs import OWNER, Kept
from audit.protection.role_paths import ATTRIBUTES, PREDEFINED, Membership, Path
from audit.protection.rule import Settings

GUARDS = {OWNER: "everything that ownership took", "tovgov_guard": "the guards themselves"}
OWNED = ("TABLE", "SEQUENCE", "SCHEMA", "DATABASE")


@dataclass(frozen=True, slots=True)
class Way:
    """One way by which ``role`` can do more than it keeps; ``edge`` is the membership that opens it."""

    role: str
    what: str
    words: str
    hint: str
    edge: Membership | None = None
    attribute: bool = False


class OpenPaths:
    """Every way that the catalogues show for the policy's roles."""

    def __init__(self, kept: Kept, facts: TargetFacts, things: Iterable[Thing], connection: Connection) -> None:
        self._kept, self._things = kept, list(things)
        self._edges = role_paths.memberships(connection)
        self._attributes = role_paths.attributes(connection)
        self._paths = {role: role_paths.paths(role, self._edges) for role in kept.roles if role in facts.roles}
        opened = role_paths.parameters(connection)
        self.ways = [way for role in self._paths for way in self._of(role, opened)]

    @property
    def attributes(self) -> dict[str, list[str]]:
        """What ``attributes: true`` takes: of each role, what it has beside SUPERUSER's, which no rule takes."""
        have = {role: [a for a in self._attributes.get(role, []) if a != "SUPERUSER"] for role in self._paths}
        return {role: words for role, words in have.items() if words and "SUPERUSER" not in self._attributes[role]}

    @property
    def revocable(self) -> list[Membership]:
        """The roles' own memberships that open a way, each once."""
        return list(dict.fromkeys(way.edge for way in self.ways if way.edge is not None))

    def left(self, settings: Settings) -> list[Way]:
        """The ways that a plan under these settings does not close."""
        taken = self.attributes if settings["attributes"] else {}
        return [
            way
            for way in self.ways
            if not (way.edge and settings["memberships"])
            and not (way.attribute and way.what in taken.get(way.role, []))
        ]

    def through(self, lost: Iterable[Membership]) -> dict[str, list[str]]:
        """The roles whose rights each role had through memberships that go."""
        gone = set(lost)
        return {role: [p.end for p in paths if p.edges[0] in gone] for role, paths in self._paths.items()}

    def _of(self, role: str, opened: dict[str, list[str]]) -> list[Way]:
        found = []
        for word in self._attributes.get(role, []):
            hint = f'ALTER ROLE "{role}" NO{word}, or set attributes: true in the policy.'
            found.append(Way(role, word, f"{role} has {word}: {ATTRIBUTES[word]}.", hint, attribute=True))
        owned = [t for t in self._things if t.owner == role and t.kind in OWNED and not self._kept.is_taken(t)]
        if owned:
            words = f"{role} owns {_some(owned)} and can give itself every verb there."
            found.append(Way(role, "ownership", words, "Add the rule ownership to the policy, or change the owner."))
        for name in opened.get(role, []) + opened.get(PUBLIC, []):
            words = f"{role} may {name} on this server."
            found.append(Way(role, name, words, "REVOKE it ON PARAMETER, unless the application needs it."))
        return found + [way for path in self._paths[role] if (way := self._through(role, path))]

    def _through(self, role: str, path: Path) -> Way | None:
        reasons = [PREDEFINED[path.end]] if path.end in PREDEFINED else []
        reasons += [GUARDS[path.end]] if path.end in GUARDS else []
        reasons += [f"{word}: {ATTRIBUTES[word]}" for word in self._attributes.get(path.end, [])]
        owned = [t for t in self._things if t.owner == path.end and t.kind in OWNED and not self._kept.is_taken(t)]
        if owned:
            reasons.append(f"it owns {_some(owned)}")
        more = {t: t.held(path.end) - self._kept.verbs(role, t) for t in self._things if t.owner != path.end}
        if beyond := [t for t, verbs in more.items() if verbs]:
            verbs = sorted({verb for t in beyond for verb in more[t]})
            reasons.append(f"{', '.join(verbs)} on {_some(beyond)}")
        if not reasons:
            return None
        words = f"{path.words}: through this membership {role} has more than it keeps ({'; '.join(reasons)})."
        hint = f'REVOKE "{path.edges[0].role}" FROM "{role}", or set memberships: true in the policy.'
        return Way(role, f"membership in {path.end}", words, hint, edge=path.edges[0])


def _some(things: list[Thing]) -> str:
    more = f" and {len(things) - 1} more" if len(things) > 1 else ""
    return f"{things[0].label}{more}"
