"""Connections out of a server's log: the records of one session joined, those that were refused told by their SQLSTATE.

A session says “connection received” (its address), “connection authenticated” (how), “connection authorized” (role,
database, application, TLS) and at its end “disconnection” (how long it was); which of them a log has is the server's
``log_connections`` and ``log_disconnections``. In other languages than English they are told by their shape.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from audit.imports.connections import End, Login, Stored, store
from audit.imports.own_sessions import own_sessions
from audit.models import ConnectionOutcome, ConnectionSource, ImportSource, PendingLogin
from audit.postgres.logs.logins import ENDED, is_from_a_login
from audit.postgres.logs.record import LogRecord

FAILED_PASSWORD, NO_RIGHT, NO_DATABASE, TOO_MANY = "28P01", "28000", "3D000", "53300"
OUTCOMES = {
    FAILED_PASSWORD: ConnectionOutcome.FAILED_PASSWORD,
    NO_RIGHT: ConnectionOutcome.REFUSED,
    NO_DATABASE: ConnectionOutcome.UNKNOWN_DATABASE,
    TOO_MANY: ConnectionOutcome.TOO_MANY,
    "57P03": ConnectionOutcome.REFUSED,  # starting up or shutting down
    "55000": ConnectionOutcome.REFUSED,  # the database takes no connections
    "42501": ConnectionOutcome.REFUSED,  # no CONNECT privilege
    "42704": ConnectionOutcome.UNKNOWN_DATABASE,  # its files are gone
    "08P01": ConnectionOutcome.REFUSED,  # a startup packet that is none
}
"""What a FATAL at the beginning of a session means (src/backend/libpq/auth.c, utils/init/postinit.c)."""

WAITS = timedelta(minutes=2)
"""After so long in the log's own time an authenticated login is taken as accepted (``log_connections`` has no
“authorization”), and a connection that said nothing is forgotten."""

KEPT = 10_000
"""Addresses that are remembered."""
LONGEST_HOST = 255
"""Characters of a name (RFC 1035); a made-up log may hold any."""

RECEIVED = re.compile(r"connection received: host=(?P<host>.*?)(?: port=\S+)?$", re.DOTALL)
AUTHENTICATED = re.compile(r"connection authenticated: .*? method=(?P<method>\S+)(?: \(.*\))?$", re.DOTALL)
AUTHORIZED = re.compile(
    r"(?:replication )?connection authorized: user=(?P<role>.*?)"
    r"(?: database=(?P<database>.*?))?(?: application_name=(?P<application>.*?))?"
    r"(?P<tls> SSL enabled \(.*\))?(?: GSS \(.*\))?$",
    re.DOTALL,
)
PAIR = re.compile(r"(\w+)=(\S*)")
NO_ROLE = re.compile(r'role "(?P<role>(?:[^"]|"")*)" does not exist', re.IGNORECASE)
QUOTED = re.compile(r"[\"«»„“”]\s?([^\"«»„“”]+?)\s?[\"«»„“”]")


@dataclass(slots=True)
class Begun:
    """What is known of a login that is not decided yet."""

    at: datetime
    pid: int = 0
    address: str | None = None
    host: str = ""
    method: str = ""
    role: str = ""
    database: str = ""
    session: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "at" and value}


def take(source: ImportSource, records: Iterable[LogRecord]) -> Stored:
    """Store the connections that ``records``, the next of a log in their order, tell of. Call it in the transaction in
    which the log's position moves: then a kill loses and doubles nothing."""
    found = Joined(
        {row.key: Begun(at=row.at, **row.facts) for row in PendingLogin.objects.filter(import_source=source)},
        own_sessions(source.target),
    )
    before = dict(found.begun)
    for record in records:
        found.add(record)
    found.let_go()
    _keep(source, before, found.begun)
    return store(source, ConnectionSource.SERVER_LOG, list(found.logins), found.ends)


def _keep(source: ImportSource, before: dict[str, Begun], now: dict[str, Begun]) -> None:
    mine = PendingLogin.objects.filter(import_source=source)
    gone = [key for key, begun in before.items() if now.get(key) is not begun]
    if gone:
        mine.filter(key__in=gone).delete()
    fresh = [(key, begun) for key, begun in now.items() if before.get(key) is not begun]
    PendingLogin.objects.bulk_create(
        [PendingLogin(import_source=source, key=key, at=begun.at, facts=begun.facts) for key, begun in fresh],
        batch_size=1000,
    )


class Joined:
    """The records of each session put together, in the order of the log."""

    def __init__(self, begun: dict[str, Begun], is_own: Callable[[Login], bool] = lambda login: False) -> None:
        self.begun = begun
        self.is_own = is_own
        """Whether a login is of tovgov's own: only its last record says so."""
        self.decided: dict[str, Login] = {}
        """The newest login of each session in these records: its refusal or its end may follow."""
        self.logins: list[Login] = []
        self.ends: list[End] = []
        self.now: datetime | None = None

    def add(self, record: LogRecord) -> None:
        """Take one record; most are about something else."""
        if record.level == "LOG":
            if "=" in record.message and is_from_a_login(record):
                self._log(record)
        elif record.level == "FATAL" and record.sqlstate in OUTCOMES and is_from_a_login(record):
            self._refused(record)

    def _log(self, record: LogRecord) -> None:
        text = record.message
        self.now = record.at
        if match := RECEIVED.fullmatch(text):
            self._received(record, match["host"])
        elif match := AUTHENTICATED.fullmatch(text):
            self._authenticated(record, match["method"])
        elif match := AUTHORIZED.fullmatch(text):
            self._authorized(record, match.groupdict())
        elif match := ENDED.fullmatch(text):
            self._ended(record, match)
        elif record.command == "authentication" or (record.line == 1 and not record.role):
            self._foreign(record)

    # --- one kind of record each -----------------------------------------------------------------------------------

    def _received(self, record: LogRecord, host: str) -> None:
        address, name = place(host)
        self._put(record, Begun(record.at, record.pid or 0, address, name, session=record.session))

    def _authenticated(self, record: LogRecord, method: str) -> None:
        begun = self._of(record)
        begun.method = method
        begun.role, begun.database = record.role or begun.role, record.database or begun.database
        self._put(record, begun)

    def _authorized(self, record: LogRecord, told: dict[str, str | None]) -> None:
        begun = self._of(record, end=True)
        login = _login(begun, record)
        login.role, login.database = record.role or told["role"] or "", record.database or told["database"] or ""
        login.application = told["application"] or record.application
        login.tls = bool(told["tls"])
        if not self.is_own(login):
            self._decide(record, login)

    def _foreign(self, record: LogRecord) -> None:
        """A record in another language, told by its shape: “Verbindung autorisiert: Benutzer=… Datenbank=…”."""
        values = [value for _, value in PAIR.findall(record.message)]
        if record.command != "authentication":
            self._received(record, values[0])
        elif re.search(r":\d+\)$", record.message):  # a line of pg_hba.conf
            self._authenticated(record, values[-1])
        else:
            told: dict[str, str | None] = dict.fromkeys(("role", "database", "application", "tls"))
            told |= dict(zip(("role", "database", "application"), values, strict=False))
            if " SSL " in record.message:
                told["tls"] = "SSL"
            self._authorized(record, told)

    def _ended(self, record: LogRecord, match: re.Match[str]) -> None:
        length = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]), seconds=float(match["seconds"]))
        decided = self.decided.pop(_key(record), None)
        if decided is not None:
            decided.ended_at = record.at
            return
        pairs = [value for _, value in PAIR.findall(match["rest"])]
        login = _login(self._of(record, end=True), record)
        login.at = record.at - length
        if not login.role and len(pairs) >= 2:
            login.role, login.database = pairs[0], pairs[1]
        if login.address is None and not login.host and len(pairs) >= 3:
            login.address, login.host = place(pairs[2])
        login.application = record.application
        if not self.is_own(login):
            self.ends.append(End(record.at, login))

    def _refused(self, record: LogRecord) -> None:
        self.now = record.at
        decided = self.decided.pop(_key(record), None)
        if decided is not None:
            self.logins.remove(decided)  # it was let in, and then there was no such database, or no place left
        login = decided or _login(self._of(record, end=True), record)
        login.outcome, role = outcome(record)
        named = QUOTED.findall(record.message)
        if login.outcome == ConnectionOutcome.NO_HBA_ENTRY and len(named) > 1:  # host, user, database
            named = named[1:]
        elif record.sqlstate in (NO_DATABASE, "42501", "55000", "42704"):
            named = []  # the database's name
        login.role = role or login.role or record.role or "".join(named[:1])
        login.database = login.database or record.database
        login.reason = "\n".join(filter(None, (record.message, record.detail)))[:2000]
        if login.tls is None and login.outcome == ConnectionOutcome.NO_HBA_ENTRY:
            login.tls = not ("SSL off" in record.message or "no encryption" in record.message)
        self.logins.append(login)

    # --- what is pending -------------------------------------------------------------------------------------------

    def _of(self, record: LogRecord, *, end: bool = False) -> Begun:
        """What earlier records of its session told."""
        key = _key(record)
        found = self.begun.pop(key, None) if end else self.begun.get(key)
        if found is None or record.at - found.at > timedelta(hours=1):
            return Begun(record.session_start or record.at, record.pid or 0, session=record.session)
        return Begun(**asdict(found))

    def _put(self, record: LogRecord, begun: Begun) -> None:
        if key := _key(record):
            self.begun[key] = begun

    def _decide(self, record: LogRecord, login: Login) -> None:
        self.logins.append(login)
        if key := _key(record):
            self.decided[key] = login

    def let_go(self) -> None:
        """Logins that no further record is waited for."""
        for key, begun in list(self.begun.items()):
            if self.now is None or self.now - begun.at < WAITS:
                continue
            del self.begun[key]
            if begun.method and begun.role:
                self.logins.append(Login(
                    begun.at, begun.pid, begun.role, begun.database, begun.address, begun.host,
                    session=begun.session, method=begun.method,
                ))  # fmt: skip


def _key(record: LogRecord) -> str:
    """What the records of a session have in common; empty when they name neither session nor process."""
    return record.session[:60] or (f"process {record.pid}" if record.pid else "")


def _login(begun: Begun, record: LogRecord) -> Login:
    """A login as far as it is known before its own record."""
    address, host = (begun.address, begun.host) if begun.address or begun.host else place(record.address)
    return Login(
        begun.at, record.pid or begun.pid, begun.role or record.role, begun.database or record.database, address, host,
        session=record.session, method=begun.method,
    )  # fmt: skip


def place(text: str) -> tuple[str | None, str]:
    """An address, or else the name of a host; neither for the server's own socket."""
    return _place(text) if len(text) <= LONGEST_HOST else (None, text.strip())


@lru_cache(KEPT)
def _place(text: str) -> tuple[str | None, str]:
    text = text.strip()
    if text in ("", "[local]"):
        return None, ""
    try:
        return str(ipaddress.ip_address(text.partition("%")[0])), ""
    except ValueError:
        return None, text


def outcome(record: LogRecord) -> tuple[ConnectionOutcome, str]:
    """Why a login was refused, and the role that is named nowhere but in the words."""
    words = f"{record.message}\n{record.detail}"
    if record.sqlstate in (FAILED_PASSWORD, NO_RIGHT) and (match := NO_ROLE.search(words)):
        return ConnectionOutcome.UNKNOWN_ROLE, match["role"]
    if record.sqlstate == NO_RIGHT and "pg_hba.conf" in record.message:
        return ConnectionOutcome.NO_HBA_ENTRY, ""
    return OUTCOMES[record.sqlstate], ""
