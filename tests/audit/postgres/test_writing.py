"""Parents before children, circles named or put off, and operators that are none refused."""

from __future__ import annotations

import pytest

from audit.postgres.writing.operators import Operator
from audit.postgres.writing.order import Edge, Order, arrange


def arranged(tables: str, *references: str) -> Order[str, str]:
    """``arranged("a b", "b>a", "a>b?")``: ``?`` marks a deferrable foreign key of the first to the second."""
    edges = [Edge(words, words[0], words[2], words.endswith("?")) for words in references]
    return arrange(tables.split(), edges, key=lambda name: name[0])


@pytest.mark.parametrize(
    ("tables", "references", "expected"),
    [
        ("a b c", (), "a b c"),
        ("a b c", ("a>b", "b>c"), "c b a"),
        ("a b c", ("a>c",), "b c a"),
        ("a b", ("a>a", "b>b"), "a b"),
        ("a b", ("a>z",), "a b"),
        ("a1 a2 b", ("a>b",), "b a1 a2"),
    ],
)
def test_parents_come_before_their_children(tables: str, references: tuple[str, ...], expected: str) -> None:
    found = arranged(tables, *references)
    assert (found.nodes, found.deferred, found.circle) == (tuple(expected.split()), frozenset(), ())


def test_a_circle_is_opened_where_a_key_can_wait() -> None:
    found = arranged("a b c d", "a>b?", "b>a", "c>b", "a>d?")
    assert found.nodes == ("d", "a", "b", "c")
    assert found.deferred == {"a>b?"}, "the parent d was in before: nothing has to wait for it"


def test_a_circle_in_which_no_key_can_wait_is_named() -> None:
    found = arranged("a b c d", "d>a", "a>b", "b>c", "c>a")
    assert found.circle == ("a", "b", "c", "a")
    assert found.nodes == ("a", "b", "c", "d")


def test_what_is_no_operator_goes_into_no_statement() -> None:
    assert Operator("public", "=").sql.as_string(None) == 'OPERATOR("public".=)'
    with pytest.raises(ValueError, match="not an operator"):
        _ = Operator("public", "=) OR (true").sql
