"""Imports point down; peers do not touch; nothing goes in circles."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.documented import ROOT
from tests.house.layers import imports, violations


def test_the_house_stands() -> None:
    assert violations(ROOT) == []


def test_the_checker_looks_at_all_of_it() -> None:
    found = {(one.unit, one.wanted) for one in imports(ROOT)}
    assert len(found) > 100
    assert {
        ("audit.jobs", "audit.ledger"),
        ("audit.models", "django"),
        ("tovgov.settings", "tovgov.environment"),
    } <= found


# --- the checker itself, on made-up houses ---------------------------------------------------------------------------


def build(root: Path, files: dict[str, str]) -> list[str]:
    """What the checker says of a house of these files; the units they name are there, empty."""
    named = [
        "audit/exceptions",
        "audit/conf",
        "audit/models",
        "audit/postgres",
        "audit/ledger",
        "audit/jobs",
        "audit/admin",
    ]
    named += ["audit/targets", "audit/protection", "audit/reviews", "audit/tasks", "audit/apps"]
    named += [
        "backups/exceptions",
        "backups/models",
        "backups/tools",
        "backups/create",
        "backups/verify",
        "backups/admin",
    ]
    named += ["tovgov/settings", "tovgov/embedded", "tovgov/own"]
    for name in named:
        file = root / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.touch()
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return violations(root)


FORBIDDEN = {
    "feature below": ("audit/ledger.py", "from audit.protection import install", "that points up"),
    "models from exceptions": ("audit/exceptions/base.py", "from audit.models import Job", "that points up"),
    "entry from a feature": ("audit/protection.py", "from audit.admin import site", "that points up"),
    "apps from tasks": ("audit/tasks.py", "import audit.apps", "that points up"),
    "ground, blind to each other": ("audit/models.py", "from audit.postgres import connect", "peers do not touch"),
    "the other way round": ("audit/postgres.py", "from audit.models import Job", "it knows no model"),
    "Django below": ("audit/postgres.py", "from django.conf import settings", "it knows no model and no Django"),
    "Django in tools": ("backups/tools.py", "import django.db", "it knows no model and no Django"),
    "models in tools": ("backups/tools.py", "from audit import models", "it knows no model"),
    "features of audit": ("audit/reviews.py", "from audit import protection", "peers do not touch"),
    "backups from audit": ("audit/tasks.py", "from backups.create import create", "audit never imports backups"),
    "tovgov from audit": ("audit/admin.py", "from tovgov.embedded import Cluster", "audit never imports tovgov"),
    "tovgov from backups": ("backups/admin.py", "import tovgov.settings", "backups never imports tovgov"),
    "tests": ("tovgov/embedded.py", "from tests.cast import person", "code never imports tests"),
    "entry of audit from a feature": ("backups/create.py", "from audit.admin import site", "that points up"),
    "inside a function": ("audit/ledger.py", "def f():\n    from audit import jobs", "that points up"),
    "for types only": ("audit/ledger.py", "if TYPE_CHECKING:\n    from audit.jobs import run", "that points up"),
    "relative": ("audit/ledger.py", "from . import jobs", "that points up"),
    "relative from a folder": ("audit/conf.py", "from .jobs import run", "that points up"),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_checker_finds(tmp_path: Path, name: str) -> None:
    file, text, why = FORBIDDEN[name]
    found = [line for line in build(tmp_path, {file: f'"""Made up."""\n{text}\n'}) if "circle" not in line]
    assert len(found) == 1
    assert found[0].startswith(f"{file}:{1 + text.count(chr(10)) + 1}: ")
    assert why in found[0]


ALLOWED = {
    "down": ("audit/protection.py", "from audit.targets import connected\nfrom audit import jobs, ledger, models"),
    "ground from a feature": ("audit/targets.py", "from audit.postgres import connect"),
    "audit from backups": ("backups/create.py", "from audit import jobs, targets"),
    "entry from entry above": ("backups/admin.py", "from audit.admin import site"),
    "peers in backups": ("backups/verify.py", "from backups import create"),
    "everything from tovgov": ("tovgov/settings.py", "import audit.admin, backups.admin, tovgov.embedded"),
    "Django in a feature": ("audit/protection.py", "from django.db import transaction"),
    "itself": ("audit/protection/plan.py", "from audit.protection import install"),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_checker_allows(tmp_path: Path, name: str) -> None:
    file, text = ALLOWED[name]
    assert build(tmp_path, {file: text}) == []


def test_checker_finds_a_circle(tmp_path: Path) -> None:
    files = {"backups/verify.py": "from backups import create", "backups/create.py": "from backups.verify import prove"}
    assert build(tmp_path, files) == ["backups.create → backups.verify → backups.create is a circle"]


def test_checker_finds_a_longer_circle_inside_functions(tmp_path: Path) -> None:
    files = {
        "tovgov/own.py": "import tovgov.embedded",
        "tovgov/embedded.py": "from tovgov import settings",
        "tovgov/settings.py": "def later():\n    from tovgov.own import data",
    }
    assert build(tmp_path, files) == ["tovgov.embedded → tovgov.settings → tovgov.own → tovgov.embedded is a circle"]


def test_a_name_for_types_alone_closes_no_circle(tmp_path: Path) -> None:
    files = {
        "tovgov/own.py": "if TYPE_CHECKING:\n    from tovgov.embedded import Cluster",
        "tovgov/embedded.py": "from tovgov import own",
    }
    assert build(tmp_path, files) == []
