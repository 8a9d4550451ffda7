"""The control map: which controls of SOC 2 and ISO/IEC 27001:2022 the checks bear on.

Ids only, and topics in our own words: the texts of both are copyrighted. A topic never says that a control is met. It
says what was looked at, how much of it, what was wrong and what could not be seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from audit.registry import Checked

SOC2, ISO = "SOC 2", "ISO/IEC 27001:2022"


@dataclass(frozen=True, slots=True)
class Topic:
    """A question that controls ask, in our words."""

    code: str
    title: str
    soc2: tuple[str, ...] = ()
    iso: tuple[str, ...] = ()

    @property
    def controls(self) -> dict[str, list[str]]:
        return {SOC2: list(self.soc2), ISO: list(self.iso)}


TOPICS = (
    Topic("access", "Who reached the data, and was what was new looked at", ("CC6.1",), ("A.8.2",)),
    Topic("logging", "What happens is logged, and the logs are read", ("CC7.2",), ("A.8.15",)),
    Topic("monitoring", "What is unusual is noticed, and a person hears of it", ("CC7.2",), ("A.8.16",)),
    Topic("evaluation", "What was noticed is judged by a person", ("CC7.3",), ("A.5.25",)),
    Topic("response", "Incidents are answered in an ordered way", ("CC7.4",), ("A.5.24", "A.5.26")),
    Topic("learning", "Service comes back in time, and incidents are learned from", ("CC7.5",), ("A.5.27",)),
    Topic("evidence", "Records are kept so that nobody changes them unseen", (), ("A.5.28", "A.5.33")),
    Topic("change", "Changes are foreseen and approved", ("CC8.1",), ("A.8.32",)),
    Topic("configuration", "What protects a database is as it was set up", ("CC8.1",), ("A.8.9",)),
    Topic("separation", "Production is apart from the rest", (), ("A.8.31",)),
    Topic("backup", "Backups are made, and each is proved", ("A1.2",), ("A.8.13",)),
    Topic("recovery", "Coming back from a backup is tried", ("A1.3",), ("A.8.13",)),
)


def mapped(checked: Iterable[Checked]) -> list[dict[str, Any]]:
    """The map: a topic with its controls, its population, its sample, exceptions and gaps."""
    found = list(checked)
    known = {topic.code for topic in TOPICS}
    if strange := {one.topic for one in found} - known:
        raise ValueError(f"no topic of controls: {', '.join(sorted(strange))}")
    return [_topic(topic, [one for one in found if one.topic == topic.code]) for topic in TOPICS]


def _topic(topic: Topic, checked: list[Checked]) -> dict[str, Any]:
    gaps = [gap for one in checked for gap in one.gaps]
    if not checked:
        gaps = ["Nothing was checked for this."]
    elif not any(one.population for one in checked):
        gaps.append("Nothing of this kind was recorded in the period: that shows nothing.")
    return {
        "topic": topic.code,
        "title": topic.title,
        "controls": topic.controls,
        "checked": [
            {"what": one.what, "population": one.population, "sample": one.sample, "exceptions": one.exceptions}
            for one in checked
        ],
        "gaps": gaps,
    }


def gaps_of(topics: Iterable[dict[str, Any]]) -> list[str]:
    """Every gap of the map once, in its order."""
    return list(dict.fromkeys(f"{topic['title']}: {gap}" for topic in topics for gap in topic["gaps"]))
