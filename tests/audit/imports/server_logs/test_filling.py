"""Records as lines: names are remembered within bounds, and what is remembered changes nothing."""

from __future__ import annotations

import pytest

from audit.imports.connection_records import KEPT, _place, place
from audit.imports.server_logs import filling
from audit.imports.server_logs.chunk import Chunk
from audit.imports.server_logs.filling import Filling, Ways
from audit.postgres.logs.reading import Reader
from audit.postgres.logs.record import Found, LogRecord
from tests.audit.postgres.logs.telling import record

STRANGE = ("a\tb", "a\\b", "a\nb", "\x1b[31mred", "half \ud800", "nul \0", "x" * 70, "ü", "")


def filled(*records: LogRecord, by: Filling | None = None) -> Chunk:
    chunk = Chunk()
    (by or Filling(Ways(1, 2, frozenset({"tov_op"}), Reader()))).take(chunk, [Found(one, 7, 8) for one in records])
    return chunk


def of(name: str, **more: str) -> LogRecord:
    names = dict.fromkeys(("role", "database", "address", "application", "command", "session"), name)
    return record("statement: SELECT 1", **(names | more))


@pytest.mark.parametrize("name", STRANGE)
def test_names_that_are_remembered_make_the_same_line(name: str) -> None:
    warm = Filling(Ways(1, 2, frozenset(), Reader()))
    first, again = (filled(of(name), by=warm) for _ in range(2))
    assert first.lines == again.lines == filled(of(name)).lines
    assert first.lines.count(b"\n") == 1
    assert first.lines.count(b"\t") == filling.COLUMNS - 1


def test_an_application_keeps_no_secret() -> None:
    assert b"hunter2" not in filled(of("web", application="web password=hunter2")).lines


def test_names_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A made-up log may name a client in megabytes, and another in every record."""
    monkeypatch.setattr(filling, "REMEMBERED", 20)
    one = Filling(Ways(1, 2, frozenset(), Reader()))
    filled(of("x" * 100_000), by=one)
    assert not one._known
    filled(*(of(f"client {number}") for number in range(50)), by=one)
    assert 0 < len(one._known) <= 20


def test_addresses_are_remembered_within_bounds() -> None:
    _place.cache_clear()
    assert place("x" * 100_000) == (None, "x" * 100_000)
    assert place(" 10.0.0.5 ") == ("10.0.0.5", "")
    assert place("fe80::1%eth0") == ("fe80::1", "")
    assert place("[local]") == place("") == (None, "")
    info = _place.cache_info()
    assert (info.currsize, info.maxsize) == (4, KEPT)
