"""How a checkpoint gets to each kind of place. Each raises ``PublicationFailed`` when it did not arrive; brought
again, it does no harm.

Whoever may add a place decides where tovgov connects to: that is managers. A web address must be https and must not
be an address of this machine or its link (cloud metadata); redirects are not followed, and its answer is not shown.
Private networks are allowed: that is where such places are.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import os
import re
import smtplib
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from psycopg.conninfo import conninfo_to_dict

from audit.exceptions import PlaceInvalid, PublicationFailed
from audit.models import Checkpoint, PlaceKind, PublicationPlace

SECONDS = 15
CREATE = """CREATE TABLE tovgov_checkpoint (
    origin text NOT NULL, number bigint NOT NULL, note text NOT NULL, arrived_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (origin, number)
);
GRANT INSERT ON tovgov_checkpoint TO {role};"""
"""What the administrator of the other database runs, once. The role may add checkpoints, not read or change any."""
INSERT = "INSERT INTO tovgov_checkpoint (origin, number, note) VALUES (%s, %s, %s)"


def create_statement(place: PublicationPlace) -> str:
    """What the administrator of the other database runs for ``place``, once."""
    user = str(conninfo_to_dict(place.address).get("user") or "")
    return CREATE.format(role='"' + user.replace('"', '""') + '"')


def shown(place: PublicationPlace) -> str:
    """Its address for people who may only look: a web address may hold a token after its host, and the address of a
    database whatever its driver takes."""
    if place.kind == PlaceKind.WEBHOOK:
        parts = urllib.parse.urlsplit(place.address)
        return f"{parts.scheme}://{parts.netloc}/…" if parts.path.strip("/") or parts.query else place.address
    if place.kind == PlaceKind.DATABASE:
        known = conninfo_to_dict(place.address)
        return " ".join(f"{name}={known[name]}" for name in ("host", "port", "dbname", "user") if known.get(name))
    return place.address


def check(kind: str, address: str, *, secret: str, insecure: bool = False) -> None:
    """Whether a place of this kind can be at ``address``. Raises ``PlaceInvalid``."""
    if kind == PlaceKind.FOLDER and not Path(address).is_absolute():
        raise PlaceInvalid("A folder is named from the root on, for example /mnt/outside/checkpoints.")
    if kind == PlaceKind.MAIL:
        try:
            for one in _recipients(address):
                validate_email(one)
        except ValidationError:
            raise PlaceInvalid("Name mail addresses, with commas between them.") from None
    if kind == PlaceKind.WEBHOOK:
        _web_address(address, insecure=insecure)
        if len(secret) < 16:
            raise PlaceInvalid("The key that signs what is sent needs at least 16 characters.")
    if kind == PlaceKind.DATABASE:
        try:
            known = conninfo_to_dict(address)
        except psycopg.Error:
            raise PlaceInvalid("Say where the database is: host=… dbname=… user=…") from None
        if not known.get("user"):
            raise PlaceInvalid("Name the role that adds checkpoints there: user=…")
        if "password" in known:
            raise PlaceInvalid("The password does not belong into the address: it is kept encrypted, as the secret.")


# --- a folder ---------------------------------------------------------------------------------------------------------


def folder(place: PublicationPlace, checkpoints: Sequence[Checkpoint]) -> None:
    """A file each, whole or not at all; one that is there is never written over."""
    root = Path(place.address)
    for one in checkpoints:
        path = root / re.sub(r"[^0-9a-zA-Z.-]", "-", f"{one.tree.origin}-{one.number:08}.txt")
        part = root / f".{path.name}.{os.getpid()}.part"
        try:
            part.write_text(one.note)
            try:
                os.link(part, path)  # fails when it is there, unlike a rename
            finally:
                part.unlink()
        except FileExistsError:
            if path.read_text() != one.note:
                raise PublicationFailed(f"{path} is there already, with another checkpoint in it.") from None
        except OSError as error:
            raise PublicationFailed(f"{path}: {error.strerror or error}.") from error


# --- mail -------------------------------------------------------------------------------------------------------------


def mail(place: PublicationPlace, checkpoints: Sequence[Checkpoint]) -> None:
    """One mail with every note as an attachment."""
    trees = len({one.tree_id for one in checkpoints})
    message = EmailMessage(
        subject=f"tovgov: checkpoints of {trees} log{'s' if trees > 1 else ''}",
        body="Keep these files. They prove later that no sealed entry was altered:\n"
        "manage.py imports verify --published FOLDER\n\n" + "\n".join(one.note for one in checkpoints),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=_recipients(place.address),
    )
    for one in checkpoints:
        message.attach(f"checkpoint-{one.tree.uuid}-{one.number:08}.txt", one.note, "text/plain")
    try:
        message.send()
    except (OSError, smtplib.SMTPException) as error:
        raise PublicationFailed(f"The mail was not taken: {type(error).__name__}.") from error


def _recipients(address: str) -> list[str]:
    return [one.strip() for one in address.split(",") if one.strip()] or [""]


# --- a web address ----------------------------------------------------------------------------------------------------


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **more: Any) -> None:
        """Wherever it points: nobody allowed that address."""
        return


def webhook(place: PublicationPlace, checkpoints: Sequence[Checkpoint]) -> None:
    """One POST of JSON; ``X-Tovgov-Signature`` is its HMAC-SHA-256 with the place's secret, in base64."""
    try:
        _web_address(place.address, insecure=place.is_insecure)
    except PlaceInvalid as error:
        raise PublicationFailed(error.message) from None
    body = json.dumps({"checkpoints": [one.note for one in checkpoints]}).encode()
    mark = base64.b64encode(hmac.new(place.secret.encode(), body, hashlib.sha256).digest()).decode()
    headers = {"Content-Type": "application/json", "X-Tovgov-Signature": mark, "User-Agent": "tovgov"}
    request = urllib.request.Request(place.address, body, headers, method="POST")  # noqa: S310  # checked above
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=SECONDS):
            return
    except urllib.error.HTTPError as error:
        error.close()
        raise PublicationFailed(f"The address answered {error.code}.") from None
    except (OSError, ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise PublicationFailed(f"The address does not answer: {type(reason).__name__}.") from None


def _web_address(address: str, *, insecure: bool) -> None:
    parts = urllib.parse.urlsplit(address)
    if parts.scheme != "https" and not (insecure and parts.scheme == "http"):
        raise PlaceInvalid("A web address begins with https://; http:// only with --insecure: others can read it then.")
    if not parts.hostname or parts.username:
        raise PlaceInvalid("The web address needs a host, and no user or password in it.")
    if not insecure:
        _reachable(parts.hostname, parts.port or 443)


def _reachable(host: str, port: int) -> None:
    """Refuse addresses that mean this machine or its link."""
    try:
        found = {item[4][0] for item in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError:
        return  # a name that is unknown now may be known when it is needed
    for one in found:
        ip = ipaddress.ip_address(str(one).split("%")[0])
        if ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip.is_multicast:
            raise PlaceInvalid(f"{host} means this machine or its own link; name a place outside.")


# --- another database -------------------------------------------------------------------------------------------------


def database(place: PublicationPlace, checkpoints: Sequence[Checkpoint]) -> None:
    """A row each in its table ``tovgov_checkpoint``; one that is there already stays as it is."""
    try:
        with psycopg.connect(
            place.address, password=place.secret or None, connect_timeout=SECONDS, autocommit=True,
            application_name="tovgov", options="-c statement_timeout=15s",
        ) as connection:  # fmt: skip
            for one in checkpoints:
                try:
                    connection.execute(INSERT, [one.tree.origin, one.number, one.note])
                except psycopg.errors.UniqueViolation:
                    continue  # the role may not read, so it cannot compare; verify does
    except psycopg.Error as error:
        code = error.sqlstate or type(error).__name__
        raise PublicationFailed(f"The database did not take it ({code}).") from None
