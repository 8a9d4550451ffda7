"""A database of a wanted size with data that compress about as real ones do. The same at every run."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any, LiteralString, cast

import psycopg

from audit.postgres.connect import ConnInfo

HERE = Path(__file__).parent
SEED = 7
CORPUS_BYTES = 48_000_000
"""Text is cut out of so much of it: repeats lie farther apart than any compressor here looks back."""

PER_MEGABYTE = {"customer": 290, "orders": 1160, "order_line": 2900, "event": 815, "document": 35, "photo": 1}
STATUSES = ("new", "paid", "sent", "returned")
KINDS = ("page.viewed", "cart.changed", "order.placed", "mail.sent", "login.refused")


def build(info: ConnInfo, megabytes: int) -> int:
    """Fill the empty database ``info`` until it measures about ``megabytes`` with its indexes; its bytes."""
    with psycopg.connect(**info.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        connection.execute(_statements("schema"))
        with connection.transaction():
            for table, lines in Shop(megabytes).tables():
                with connection.cursor().copy(cast(LiteralString, f"COPY {table} FROM STDIN")) as copy:
                    for chunk in _chunks(lines):
                        copy.write(chunk)
        connection.execute(_statements("indexes"))
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return int(facts(info)["bytes"])


def _statements(name: str) -> LiteralString:
    return cast(LiteralString, (HERE / f"{name}.sql").read_text())


def _chunks(lines: Iterator[str], size: int = 2000) -> Iterator[str]:
    chunk: list[str] = []
    for line in lines:
        chunk.append(line)
        if len(chunk) == size:
            yield "".join(chunk)
            chunk = []
    yield "".join(chunk)


class Shop:
    """The lines of each table in COPY's text format."""

    def __init__(self, megabytes: int) -> None:
        self.count = {table: rows * megabytes for table, rows in PER_MEGABYTE.items()}
        self.dice = random.Random(SEED)
        self.corpus = corpus(self.dice, min(CORPUS_BYTES, megabytes * 400_000))

    def tables(self) -> Iterator[tuple[str, Iterator[str]]]:
        for table in PER_MEGABYTE:
            yield table, getattr(self, f"_{table}")(self.count[table])

    def _text(self, least: int, most: int) -> str:
        length = self.dice.randrange(least, most)
        start = int(self.dice.random() * (len(self.corpus) - length))
        return self.corpus[start : start + length]

    def _at(self, share: float) -> str:
        """A moment in time; rows come roughly in the order of time, as they do in life."""
        day, second = int(share * 364), int(self.dice.random() * 86_399)
        return f"2026-{day // 31 + 1:02}-{day % 28 + 1:02} {second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.{int(self.dice.random() * 1e6):06}+00"  # noqa: E501

    def _customer(self, count: int) -> Iterator[str]:
        for n in range(1, count + 1):
            key = f"{self.dice.getrandbits(128):032x}"
            first, last = self._text(4, 10).strip(), self._text(5, 12).strip()
            likes = f'{{"theme": "{"dark" if n % 3 else "light"}", "mails": {n % 7}, "city": "{self._text(5, 9)}"}}'
            yield f"{n}\t{key}\t{first} {last}\t{key[:9]}.{n}@example.org\t{self._at(n / count)}\t{n * 37 % 99991 / 100}\t{likes}\n"  # noqa: E501

    def _orders(self, count: int) -> Iterator[str]:
        customers = self.count["customer"]
        for n in range(1, count + 1):
            who, what = int(self.dice.random() * customers) + 1, int(self.dice.random() ** 2 * 50_000) / 100
            yield f"{n}\t{who}\t{self._at(n / count)}\t{STATUSES[n * 7 % 11 % 4]}\t{what}\t{self._text(10, 90)}\n"

    def _order_line(self, count: int) -> Iterator[str]:
        orders = self.count["orders"]
        for n in range(count):
            product, price = int(self.dice.random() ** 2 * 40_000), int(self.dice.random() * 20_000) / 100
            yield f"{n % orders + 1}\t{n // orders + 1}\t{product}\t{n % 9 + 1}\t{price}\t{self.dice.random():.6f}\n"

    def _event(self, count: int) -> Iterator[str]:
        for n in range(1, count + 1):
            address = f"10.{n % 7}.{int(self.dice.random() * 250)}.{int(self.dice.random() * 250)}"
            facts = f'{{"ip": "{address}", "session": "{self.dice.getrandbits(64):016x}", "took": {self.dice.random():.4f}, "note": "{self._text(20, 120)}"}}'  # noqa: E501
            yield f"{n}\t{self._at(n / count)}\t{KINDS[n * 3 % 7 % 5]}\t{facts}\n"

    def _document(self, count: int) -> Iterator[str]:
        for n in range(1, count + 1):
            yield f"{n}\t{self._text(20, 60)}\t{self._text(800, 6000)}\n"

    def _photo(self, count: int) -> Iterator[str]:
        customers = self.count["customer"]
        for n in range(1, count + 1):
            yield f"{n}\t{n * 13 % customers + 1}\t\\\\x{self.dice.randbytes(60_000).hex()}\n"


def corpus(dice: random.Random, size: int) -> str:
    """Invented prose: a few thousand words, few of them frequent, in sentences."""
    letters, weights = "etaoinshrdlucmfwypvbgk", [12, 9, 8, 8, 7, 7, 6, 6, 6, 4, 4, 3, 3, 2, 2, 2, 2, 2, 1, 2, 2, 1]
    words = ["".join(dice.choices(letters, weights, k=dice.randrange(2, 11))) for _ in range(6000)]
    shares = list(accumulate(1 / (rank + 3) for rank in range(len(words))))
    parts: list[str] = []
    length = 0
    while length < size:
        sentence = " ".join(dice.choices(words, cum_weights=shares, k=dice.randrange(6, 18))).capitalize() + ". "
        parts.append(sentence)
        length += len(sentence)
    return "".join(parts)


def facts(info: ConnInfo) -> dict[str, Any]:
    """Bytes, tables and rows of the database, for the report."""
    with psycopg.connect(**info.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        row = connection.execute(
            "SELECT pg_database_size(current_database()), count(*), sum(reltuples)::bigint FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        ).fetchone()
    assert row is not None
    return {"bytes": row[0], "tables": row[1], "rows": row[2]}
