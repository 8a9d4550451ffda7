"""Whatever Python reads a log, nothing else comes in: Debian 12's own (3.11.2) gives back too much of a text where a
possessive quantifier stands behind a group (CPython issue 106052)."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
SEED, TEXTS = 20261120, 3_000
PIECES = (
    "SELECT ", "DELETE FROM ", "t1", "o2auth", "'", "''", "\\", "\\'", "E'", "e'", "N'", '"', "$", "$$", "$1", "$a1$",
    "$a2$", "7", "42", "1e5", "1e-7", "1E+3", ".5", "0x1F", "1_000", "-", "--", "/", "/*", "*/", "\n", " ", ",", "md5",
    "password ", "eyJ", "AKIA1234567890ABCDEF", "a1@b2.example", "٣", "é", " = ", ")=(", "(", ")", "200 * 1000",
    "EXPLAIN ANALYZE ", "Key (a)=(b) already exists.", "Parameters: $1 = 'x', $2 = 'y''z'", "secret=",
    "postgres://u:p@h/", "12.5,3",
)  # fmt: skip
TOLD = """
import json, sys
from datetime import UTC, datetime
from audit.postgres.logs.reading import Reader
from audit.postgres.logs.record import LogRecord
told, reader = [], Reader()
for text in json.load(sys.stdin):
    for message, level, query in (("statement: " + text, "LOG", ""), (text, "ERROR", text)):
        record = LogRecord(datetime.now(UTC), level, message, detail=text, context=text, query=query)
        found = reader.read(record)
        told.append([*found, record.message, record.detail, record.context, record.query])
json.dump(told, sys.stdout)
"""
POSSESSIVE_GROUP = re.compile(r"\)(?:[*+?]|\{[\d,]+\})\+")


def systems_own() -> str:
    """The system's own Python, where it is new enough; else ours."""
    found = Path("/usr/bin/python3")
    version = "import sys; print(int(sys.version_info >= (3, 11)), sys.version.split()[0])"
    if not found.exists():
        return sys.executable
    shown = subprocess.run([found, "-c", version], capture_output=True, text=True, check=True).stdout.split()
    return str(found) if shown[0] == "1" else sys.executable


@cache
def texts() -> str:
    chance = random.Random(SEED)
    return json.dumps(["".join(chance.choices(PIECES, k=chance.randint(1, 14))) for _ in range(TEXTS)])


def told_by(python: str) -> list[list[object]]:
    shown = subprocess.run(
        [python, "-c", TOLD], input=texts(), capture_output=True, text=True, check=True, cwd=ROOT, timeout=300
    ).stdout
    told: list[list[object]] = json.loads(shown)
    return told


def test_the_systems_own_python_reads_the_same() -> None:
    for mine, theirs in zip(told_by(sys.executable), told_by(systems_own()), strict=True):
        assert mine == theirs


def test_no_possessive_quantifier_stands_behind_a_group() -> None:
    """An atomic group says the same, and is right in every version: ``(?>(?:a|b)*)``."""
    files = [path for app in ("audit", "backups", "tovgov") for path in (ROOT / app).rglob("*.py")]
    assert len(files) > 300
    assert not [str(path) for path in files if POSSESSIVE_GROUP.search(path.read_text(encoding="utf-8"))]
