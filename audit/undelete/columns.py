"""The deleted rows of one table beside its columns of today: what is put in, what is left out, what is compared."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from psycopg import sql

from audit.undelete.findings import Finding
from audit.undelete.shape import Column, Key, Reference, Table, load


@dataclass(slots=True, eq=False)
class Part:
    """Deleted rows of one table that have the same columns. ``names`` are those, in their order."""

    number: int
    oid: int
    schema: str
    name: str
    masked: tuple[str, ...]
    rows: int = 0
    names: tuple[str, ...] = ()
    table: Table | None = None
    findings: list[Finding] = field(default_factory=list)
    statement: str = ""
    silent: list[str] = field(default_factory=list)
    is_blocked: bool = False

    @property
    def label(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def now(self) -> Table:
        assert self.table is not None
        return self.table

    @property
    def put(self) -> list[Column]:
        """Columns that are put in: in the log, in the table, and not computed."""
        return [c for c in self.now.columns if c.name in self.names and not c.is_generated]

    @property
    def put_names(self) -> set[str]:
        return {column.name for column in self.put}

    @property
    def key(self) -> Key | None:
        """The table's key, when the log has all of it."""
        key = self.now.key
        return key if key is not None and set(key.columns) <= self.put_names else None

    @property
    def judged(self) -> list[Reference]:
        """Foreign keys whose parents we look for ourselves before the server does."""
        return [
            r for r in self.now.references if not (r.is_the_servers or r.is_forced) and set(r.columns) <= self.put_names
        ]

    def find(self, code: str, sentence: str, rows: int = 0, examples: list[dict[str, object]] | None = None) -> None:
        self.findings.append(Finding(code, self.label, sentence, rows, examples or []))

    # --- SQL ----------------------------------------------------------------------------------------------------

    def definitions(self, names: Collection[str] | None = None) -> sql.Composed:
        """The columns of json_to_record; all that are put in, or some of them."""
        chosen = [c for c in self.put if names is None or c.name in names]
        return sql.SQL(", ").join(column.definition for column in chosen)

    def columns(self) -> sql.Composed:
        return sql.SQL(", ").join(sql.Identifier(column.name) for column in self.put)

    def values(self) -> sql.Composed:
        return sql.SQL(", ").join(column.value() for column in self.put)

    @property
    def is_whole(self) -> bool:
        """Whether the text of a whole row can be compared: the same columns, and none whose text may have spaces
        around it."""
        return (
            not self.masked
            and self.names == tuple(column.name for column in self.now.columns)
            and not any(c.is_generated or c.is_users or c.base == "json" for c in self.now.columns)
        )

    def deleted(self, *, sure: bool = False) -> sql.Composed:
        """The text of a deleted row ``s``, of the columns that are compared; ``sure``: of those whose text does not
        depend on how the log was written."""
        if self.is_whole:
            return load("row_of_deleted")
        names = [sql.Identifier(column.name) for column in self.put if not (sure and column.is_users)]
        definitions = [sql.SQL("{} pg_catalog.json").format(name) for name in names]
        comma = sql.SQL(", ")
        return load("columns_of_deleted", columns=comma.join(names), definitions=comma.join(definitions))

    def live(self, *, sure: bool = False) -> sql.Composed:
        """The same of a live row ``t``. Of a table with masked columns the log was written through jsonb."""
        if self.is_whole:
            return load("row_as_json")
        shown = [self._shown(column) for column in self.put if not (sure and column.is_users)]
        return load("columns_as_json", columns=sql.SQL(", ").join(shown))

    def _shown(self, column: Column) -> sql.Composable:
        name, value = sql.Identifier(column.name), sql.Identifier("t", column.name)
        if not column.is_users:
            return load("as_jsonb", value=value, name=name) if self.masked else value
        literal = sql.Literal(column.name)
        if column.has_casts:
            parts = {"deleted": column.value(), "definition": column.definition, "literal": literal}
            otherwise = load("users_type_plain", value=value, **parts)
        else:
            otherwise = load("users_type_jsonb" if self.masked else "users_type_json", value=value)
        return load("users_type", value=value, literal=literal, otherwise=otherwise, name=name)


def compare(part: Part, lost: dict[str, int]) -> None:
    """Say what became of the columns since. ``lost``: column that is no more → rows that had a value in it."""
    table = part.now
    if not part.put:
        part.find("no_columns", "The table has none of the columns that the deleted rows had.", part.rows)
    for name in part.names:
        if name not in {column.name for column in table.columns}:
            _tell_dropped(part, name, lost.get(name, 0))
    for column in table.columns:
        if column.is_generated:
            part.find("generated", f"{column.name} is computed again.")
        elif column.name not in part.names:
            _tell_absent(part, column)
        elif column.is_identity:
            part.find("identity", f"{column.name} keeps its number, though the table counts by itself.")


def _tell_dropped(part: Part, name: str, rows: int) -> None:
    if rows:
        part.find("column_dropped", f"{name} is no more; {rows} rows had a value in it, which is given up.", rows)
    else:
        part.find("column_dropped_empty", f"{name} is no more; no row had a value in it.")


def _tell_absent(part: Part, column: Column) -> None:
    is_masked = column.name in part.masked
    why = "was masked: its value was not kept" if is_masked else "was added since"
    if not column.is_given:
        code = "masked_required" if is_masked else "added_required"
        part.find(code, f"{column.name} {why}, and the table demands one.", part.rows)
        return
    gets = f"its default, {column.default}" if column.default is not None else "NULL"
    gets = "the next number" if column.is_identity else gets
    part.find("masked" if is_masked else "column_added", f"{column.name} {why}; it gets {gets}.")
