"""The line that is hashed is the line that COPY writes, whatever is in it; and COPY reads it back as it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.seals import leaves

pytestmark = pytest.mark.django_db

texts = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    st.sampled_from(["\\N", "\\", "a\tb", "\r\n", "\\.", "\b\f\v\x01\x7f", "N", ",", "é€😀", "\\\\t", ""]),
)
SAME_DATABASE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def copied(values: list[Any], kinds: list[str]) -> bytes:
    """What COPY makes of the values: one line, without its end."""
    given = ", ".join(f"CAST(%s AS {kind})" for kind in kinds)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TimeZone = 'UTC'")
        inner = cursor.mogrify(f"SELECT {given}", values)
        with cursor.copy(f"COPY ({inner}) TO STDOUT") as lines:
            (found,) = [bytes(part) for part in lines]
    assert found.endswith(b"\n")
    return found[:-1]


@given(st.lists(st.one_of(st.none(), texts), min_size=1, max_size=6))
@SAME_DATABASE
def test_texts(values: list[str | None]) -> None:
    assert leaves.line([leaves.text(value) for value in values]) == copied(values, ["text"] * len(values))


zones = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-9))])


@given(st.datetimes(datetime(1900, 1, 1), datetime(2999, 1, 1), timezones=zones))
@SAME_DATABASE
def test_moments(at: datetime) -> None:
    assert leaves.line([leaves.moment(at)]) == copied([at], ["timestamptz"])


@given(st.integers(-(2**63), 2**63 - 1), st.booleans())
@SAME_DATABASE
def test_numbers_and_truths(number: int, truth: bool) -> None:
    assert leaves.line([leaves.text(number), leaves.text(truth)]) == copied([number, truth], ["bigint", "boolean"])


@given(st.ip_addresses().map(str))
@SAME_DATABASE
def test_addresses(value: str) -> None:
    assert leaves.line([leaves.address(value)]) == copied([value], ["inet"])


@pytest.mark.parametrize(
    "value",
    ["::", "::1", "::2:0", "::10.1.2.3", "::ffff:10.1.2.3", "::ffff:0:10.1.2.3", "1::2:0:0:3", "1:0:0:2:0:0:0:3",
     "2001:db8:0:1:1:1:1:1", "FE80::A", "0:0:1::", "1:2:3:4:5:6:7:0", "::1:2:3:4:5:6:7", "0.0.0.0"],
)  # fmt: skip
def test_odd_addresses(value: str) -> None:
    assert leaves.line([leaves.address(value)]) == copied([value], ["inet"])


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), texts),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(texts, json_values, max_size=4) | st.lists(json_values, max_size=4))
@SAME_DATABASE
def test_json(value: Any) -> None:
    import json

    assert leaves.line([leaves.json_text(value)]) == copied([json.dumps(value)], ["jsonb"])


@given(st.lists(st.one_of(st.none(), texts), min_size=2, max_size=4))
@SAME_DATABASE
def test_copy_reads_a_line_as_it_was(values: list[str | None]) -> None:
    columns = ", ".join(f"c{place} text" for place in range(len(values)))
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE line_read_back ({columns}) ON COMMIT DROP")
        with cursor.copy("COPY line_read_back FROM STDIN") as copy:
            copy.write(leaves.line([leaves.text(value) for value in values]) + b"\n")
        cursor.execute("SELECT * FROM line_read_back")
        assert list(cursor.fetchone()) == values
        cursor.execute("DROP TABLE line_read_back")


@pytest.mark.parametrize("fields", [["a\0,b"], ["\0N "], ["a", "b\0"], ["\0"]])
def test_a_nul_in_a_field_is_refused(fields: list[str]) -> None:
    with pytest.raises(ValueError, match="holds a NUL"):
        leaves.line(fields)


def test_half_a_character_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        leaves.line(["\ud800"])


def test_a_fraction_in_json_is_refused() -> None:
    with pytest.raises(TypeError, match="float"):
        leaves.json_text({"seconds": 0.1})


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        leaves.moment(datetime(2026, 11, 20))


def test_a_value_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="float"):
        leaves.text(0.5)
