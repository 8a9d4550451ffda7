"""How the server logs: its settings, what a policy wants of them, and the exact lines for an administrator."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import Connection, sql

from audit.postgres import queries
from audit.protection.statements import statement

MACHINE = ("jsonlog", "csvlog")
DDL = ("ddl", "mod", "all")
OFF = ("off", "", "none", "false", "no", "0")


@dataclass(frozen=True, slots=True)
class ServerLogging:
    """``values`` by name; ``ours`` are those that ALTER SYSTEM wrote; ``may_set`` says whether we may use it."""

    version: int
    values: dict[str, str]
    ours: dict[str, str]
    may_set: bool

    @property
    def wanted(self) -> dict[str, str]:
        """What ALTER SYSTEM would have to set: connections, disconnections, and a format that machines read, which
        nobody writes without the collector."""
        wanted = {name: "on" for name in ("log_connections", "log_disconnections") if self._is_off(name)}
        if not self.has_machine_format and self.collects:
            wanted["log_destination"] = f"{self.values['log_destination']},{self.machine_format}".strip(",")
        return wanted

    @property
    def collects(self) -> bool:
        return not self._is_off("logging_collector")

    @property
    def machine_format(self) -> str:
        return "jsonlog" if self.version >= 150_000 else "csvlog"

    @property
    def has_machine_format(self) -> bool:
        return any(word.strip() in MACHINE for word in self.values["log_destination"].split(","))

    def lines(self, *, statements: bool) -> list[str]:
        """The lines that are missing in postgresql.conf."""
        lines = [f"{name} = on" for name in ("log_connections", "log_disconnections") if self._is_off(name)]
        if statements and self.values["log_statement"] not in DDL:
            lines.append("log_statement = 'ddl'")
        if not self.has_machine_format:
            lines.append(f"log_destination = '{self.values['log_destination']},{self.machine_format}'")
        return lines + ([] if self.collects else ["logging_collector = on  # the server must be restarted for it"])

    def _is_off(self, name: str) -> bool:
        return self.values[name].lower() in OFF


def read(connection: Connection) -> ServerLogging:
    """The server's settings. A superuser reads them from the files, which a reload has not always reached yet."""
    values: dict[str, str] = dict(connection.execute(queries.load("protection/server_logging")).fetchall())
    row = connection.execute(queries.load("protection/may_alter_system")).fetchone()
    ours: dict[str, str] = {}
    if row and _is_superuser(connection):
        for name, setting, is_ours in connection.execute(queries.load("protection/server_files")):
            values[name] = setting
            ours |= {name: setting} if is_ours else {}
    return ServerLogging(connection.info.server_version, values, ours, bool(row and row[0]))


def _is_superuser(connection: Connection) -> bool:
    return connection.info.parameter_status("is_superuser") == "on"


def alter(name: str, value: str, connection: Connection) -> str:
    """ALTER SYSTEM SET."""
    return statement(connection, "alter_system", name=sql.Identifier(name), value=sql.Literal(value))


def reset(name: str, connection: Connection) -> str:
    """ALTER SYSTEM RESET."""
    return statement(connection, "alter_system_reset", name=sql.Identifier(name))


def database_statement(connection: Connection) -> str | None:
    """log_statement as ALTER DATABASE set it; None when it did not."""
    row = connection.execute(queries.load("protection/database_log_statement")).fetchone()
    return row[0] if row else None
