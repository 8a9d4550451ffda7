"""Apprise addresses: read one, say where it leads without its secrets, send one message there.

An address such as ``mailtos://user:password@example.org`` is a secret as a whole: no word of it that is longer than a
few letters may come back in an error.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import apprise

from audit.exceptions import ChannelInvalid, NotSent
from audit.models import Severity

SECONDS = 45
"""A message that was not taken by then was not sent; the services' own limits are shorter."""
HERE_ONLY = {"dbus", "kde", "qt", "glib", "gnome", "macosx", "windows", "syslog", "blink1"}
"""Kinds that speak to the machine tovgov runs on: nobody sits there."""
HAVE_HOSTS = {
    *("json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos", "ntfy", "ntfys", "gotify", "gotifys"),
    *("mmost", "mmosts", "rocket", "rockets", "matrix", "matrixs", "ncloud", "nclouds", "nctalk", "nctalks"),
    *("apprise", "apprises", "zulip", "hassio", "hassios", "mqtt", "mqtts", "smtp", "smtps"),
}
"""Kinds whose address holds a host name where one stands; in others it is a part of the token."""
TYPES = {
    Severity.CRITICAL: apprise.NotifyType.FAILURE,
    Severity.WARNING: apprise.NotifyType.WARNING,
    Severity.INFO: apprise.NotifyType.INFO,
}
PLAIN_REASONS = (
    (r"Name or service not known|nodename nor servname|Temporary failure in name|getaddrinfo|No address associated",
     "There is no such host name. Look for a slip in the address, and whether this machine can resolve names."),
    (r"Connection refused", "The host is there and nothing listens on that port. Compare the port with the service's."),
    (r"timed out|Timeout|TIMEOUT", "Nobody answered in time. A firewall may stand between, or the host is down."),
    (r"No route to host|Network is unreachable", "There is no way from this machine to that host."),
    (r"CERTIFICATE_VERIFY_FAILED|certificate", "The TLS certificate of the host was not accepted."),
    (r"WRONG_VERSION_NUMBER|SSL", "The host does not speak TLS on that port, or another version of it."),
    (r"error=401|Unauthorized|Authentication|\b535\b", "The name, password or token was not accepted."),
    (r"error=403|Forbidden", "The service knows the address and does not allow this message."),
    (r"error=404|not found", "The host answered, and there is nothing at this path."),
    (r"error=429|Too many", "The service takes no more messages just now."),
    (r"error=5\d\d", "The service itself has a fault just now."),
    (r"Recipients? refused|\b55\d\b", "The mail server does not take mail for this recipient."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """What may be shown of an address."""

    schema: str
    place: str


def read(url: str) -> Place:
    """What may be shown of ``url``. Raises ``ChannelInvalid``, which names no part of it."""
    service = _service(url)
    schema = url.strip().partition("://")[0].lower()
    if schema in HERE_ONLY:
        raise ChannelInvalid(f"{schema}:// shows messages on this machine alone, where nobody sits.")
    return Place(schema[:40], _shown(service, url)[:255])


def _service(url: str) -> Any:
    service = apprise.Apprise.instantiate(url.strip(), suppress_exceptions=True)
    if service is None:
        schema = url.strip().partition("://")[0]
        known = re.fullmatch(r"[a-zA-Z0-9+.-]{1,20}", schema) and "://" in url
        what = f"“{schema}://” is unknown, or something in the address is missing" if known else "It has no kind"
        raise ChannelInvalid(f"This is no address that Apprise understands. {what}.")
    return service


def _shown(service: Any, url: str) -> str:
    """The service's name, with its host where the host is no secret."""
    name = str(service.service_name)
    host = str(getattr(service, "host", "") or "")
    has_host = url.strip().partition("://")[0].lower() in HAVE_HOSTS and host
    return f"{name} at {host}" if has_host else name


def send(url: str, *, title: str, body: str, severity: Severity) -> None:
    """Send one message, within ``SECONDS``. Raises ``ChannelInvalid`` and ``NotSent`` with the reason in plain words.

    The reason is read from Apprise's own log of this call, and everything in it that stands in the address is masked.
    """
    apobj = apprise.Apprise()
    if not apobj.add(_service(url)):
        raise ChannelInvalid
    result = apobj.notify(
        body=body,
        title=title,
        notify_type=TYPES[severity],
        body_format=apprise.NotifyFormat.TEXT,
        timeout=SECONDS,
        log_level=logging.DEBUG,
    )
    if not result:
        entries = [f"{entry.message}" for entry in result.logs() if _tells(entry.message, entry.level)]
        raise NotSent(_reason(entries, str(result.status.name), url))


def _tells(message: str, level: str) -> bool:
    """Whether a line of Apprise's log says why: its warnings, and the faults of sockets that it tells in passing."""
    return level in {"WARNING", "ERROR", "CRITICAL"} or "Exception" in message or "Response Details" in message


def _reason(entries: list[str], status: str, url: str) -> str:
    words = " ".join([*entries, status if status == "TIMEOUT" else ""])
    plain = next((sentence for pattern, sentence in PLAIN_REASONS if re.search(pattern, words)), "")
    said = masked(" ".join(line for line in entries if "Response Details" not in line), url)[:500]
    parts = [part for part in (plain, f"It said: {said}" if said else "") if part]
    return " ".join(parts) or "The message was not taken, and no reason was given."


def masked(text: str, url: str) -> str:
    """``text`` without any word of the address but its kind and its host."""
    host = str(getattr(apprise.Apprise.instantiate(url.strip()), "host", "") or "")
    shown = {host.lower(), url.partition("://")[0].lower()}
    rest = url.partition("://")[2]
    words = {word for part in (rest, unquote(rest)) for word in re.split(r"[/?&=:@#,;\s]+", part)}
    text = re.sub(r"(url: )\S+", r"\1****", text)
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= 4 and word.lower() not in shown:
            text = text.replace(word, "****")
    return text
