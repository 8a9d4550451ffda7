"""Names of tables as people write them and as the server quotes them."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from typing import NamedTuple

from psycopg import sql

from backups.exceptions import TableUnknown


class TableName(NamedTuple):
    """A table by schema and name, both exact. As text it is quoted: ``"public"."User"``."""

    schema: str
    name: str

    def __str__(self) -> str:
        return self.identifier.as_string(None)

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    @property
    def plain(self) -> str:
        """Without quotes, as people write it: ``public.User``. Not unique when names hold dots."""
        return f"{self.schema}.{self.name}"


def choose(wanted: Iterable[str], known: Collection[TableName]) -> list[TableName]:
    """The tables named by ``wanted``, each as ``schema.table``, quoted or not, or as the bare name of a table that
    only one schema has. Raises ``TableUnknown`` for a name that fits none or several."""
    return [_find(text, known) for text in dict.fromkeys(wanted)]


def _find(text: str, known: Collection[TableName]) -> TableName:
    exact = [table for table in known if str(table) == text]
    fits = (
        exact or [table for table in known if table.plain == text] or [table for table in known if table.name == text]
    )
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise TableUnknown(f'"{text}" fits several tables: {", ".join(map(str, fits))}.', tables=[str(t) for t in fits])
    close = difflib.get_close_matches(text.casefold(), [table.plain.casefold() for table in known], n=3, cutoff=0.6)
    near = [str(table) for table in known if table.plain.casefold() in close]
    raise TableUnknown(f'There is no table "{text}".' + (f" Near: {', '.join(near)}." if near else ""))
