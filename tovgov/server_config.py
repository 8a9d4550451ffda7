"""The configuration files of an embedded server, as text.

The socket asks the kernel who the peer is (``peer``) and lets in only the accounts that may start the server: safer
than ``trust``, and there is no password to lose. TCP is loopback and scram only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

MAP = "tovgov"


def hba(*, tcp: bool) -> str:
    """pg_hba.conf."""
    lines = [f"local all all peer map={MAP}", f"local replication all peer map={MAP}"]
    if tcp:
        lines += ["host all all 127.0.0.1/32 scram-sha-256", "host replication all 127.0.0.1/32 scram-sha-256"]
    return "\n".join(lines) + "\n"


def ident(accounts: Iterable[str], roles: Iterable[str]) -> str:
    """pg_ident.conf: each system account may be each of the roles."""
    roles = list(roles)
    return "".join(f'{MAP} "{account}" "{role}"\n' for account in sorted(set(accounts)) for role in roles)


def conf(settings: Mapping[str, str]) -> str:
    """Lines of postgresql.conf."""
    return "".join(f"{name} = '{_quoted(value)}'\n" for name, value in settings.items())


def defaults(*, port: int, tcp: bool, socket_folder: Path, durable: bool) -> dict[str, str]:
    """The settings that every embedded server has. The log keeps a week, a file a day."""
    hasty = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    return {
        "listen_addresses": "127.0.0.1" if tcp else "",
        "port": str(port),
        "unix_socket_directories": f'"{socket_folder}"',
        "unix_socket_permissions": "0700",
        "password_encryption": "scram-sha-256",
        "logging_collector": "on",
        "log_filename": "server-%a.log",
        "log_truncate_on_rotation": "on",
        "log_rotation_size": "0",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        **({} if durable else hasty),
    }


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")
