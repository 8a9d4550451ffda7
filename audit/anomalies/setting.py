"""One threshold of a rule: its name, its type by its default, its bounds; read from a form, a command, a stored row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from audit.exceptions import AnomalySettingInvalid

Value = int | bool | str
YES, NO = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}
CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


@dataclass(frozen=True, slots=True)
class Setting:
    """A whole number, a yes or no, or a text of a ``form``: clock, zone, days or names (with commas between)."""

    name: str
    label: str
    default: Value
    help: str = ""
    least: int = 0
    most: int = 1_000_000_000
    form: str = ""

    def but(self, **changes: Any) -> Setting:
        """The same with other facts."""
        return replace(self, **changes)

    def read(self, given: Any) -> Value:
        """``given`` as this setting's value. Raises ``AnomalySettingInvalid``."""
        if isinstance(self.default, bool):
            return self._boolean(given)
        if isinstance(self.default, int):
            return self._number(given)
        return self._text(str(given).strip())

    def _boolean(self, given: Any) -> bool:
        words = {
            "true": True,
            "yes": True,
            "on": True,
            "1": True,
            "false": False,
            "no": False,
            "off": False,
            "0": False,
        }
        known = words.get(str(given).strip().lower())
        if known is None:
            raise AnomalySettingInvalid(f"{self.label}: “{given}” is neither yes nor no.")
        return known

    def _number(self, given: Any) -> int:
        try:
            number = int(str(given).strip())
        except ValueError:
            raise AnomalySettingInvalid(f"{self.label}: “{given}” is no whole number.") from None
        if not self.least <= number <= self.most:
            raise AnomalySettingInvalid(f"{self.label}: {number} is not from {self.least} to {self.most}.")
        return number

    def _text(self, text: str) -> str:
        if len(text) > 1000 or "\0" in text:
            raise AnomalySettingInvalid(f"{self.label}: that is too long, or no text.")
        if self.form == "clock" and not CLOCK.fullmatch(text):
            raise AnomalySettingInvalid(f"{self.label}: “{text}” is no time of day; 08:00 is.")
        if self.form == "zone":
            _zone(self.label, text)
        if self.form == "days" and not re.fullmatch(r"[1-7](,[1-7])*", text.replace(" ", "")):
            raise AnomalySettingInvalid(f"{self.label}: “{text}” are no days; 1,2,3,4,5 are Monday to Friday.")
        return text.replace(" ", "") if self.form == "days" else text


def _zone(label: str, text: str) -> None:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise AnomalySettingInvalid(f"{label}: there is no time zone “{text}”; one is Asia/Jerusalem.") from None


def read_all(settings: Iterable[Setting], given: Mapping[str, Any]) -> dict[str, Value]:
    """Values of the settings that are given. Raises ``AnomalySettingInvalid``, for an unknown name too."""
    known = {setting.name: setting for setting in settings}
    strange = sorted(set(given) - set(known))
    if strange:
        raise AnomalySettingInvalid(f"There is no setting {', '.join(strange)}; there are {', '.join(known)}.")
    return {name: known[name].read(value) for name, value in given.items()}
