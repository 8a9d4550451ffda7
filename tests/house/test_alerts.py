"""An alert that wakes somebody stands in docs/alerts.md, and nothing stands there that no code raises."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

from audit.anomalies.rules import RULES
from backups.alarms import KINDS
from tests.house.documented import ROOT

PAGE = (ROOT / "docs" / "alerts.md").read_text()
EXPLAINED = set(re.findall(r"^\| `([a-z_.]+)` \|", PAGE, flags=re.M))
ELSEWHERE = {"rule.alert": {rule.alert for rule in RULES.values()}, "alarm.kind": set(KINDS)}
"""Kinds that are told in a loop, by the expression that names them."""


def raised() -> Iterator[str]:
    """The first argument of every ``alerts.alert(…)``."""
    for folder in ("audit", "backups", "tovgov"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            if "alerts.alert(" in file.read_text():
                yield from _of(file)


def _of(file: Path) -> Iterator[str]:
    names = vars(importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts)))
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "alerts.alert":
            said = ast.unparse(node.args[0])
            yield from ELSEWHERE[said] if said in ELSEWHERE else [eval(said, dict(names))]


def test_every_kind_is_explained() -> None:
    found = {kind for kind in raised() if not kind.startswith("anomaly.")}
    assert len(found) > 15
    assert found == EXPLAINED, "explain these in docs/alerts.md"
