"""A time stamp of RFC 3161: an authority's signed word that these bytes were there at that time.

The authority gets a hash and nothing else. A silent or wrong one costs the pack its time stamp and nothing more.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from datetime import UTC
from hashlib import sha256
from urllib.parse import urlsplit

from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, TimeStampResponse, decode_timestamp_response

from audit import conf
from audit.exceptions import TimeStampRefused

TIMEOUT_SECONDS = 15.0
MOST_BYTES = 1 << 20
GRANTED = (0, 1)  # granted, grantedWithMods: RFC 3161, 2.4.2


def of(data: bytes) -> tuple[bytes, str]:
    """The authority's answer for ``data``, and when it says that was. Raises ``TimeStampRefused``: it was silent,
    refused, or answered to something else."""
    asked = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256)
    request = asked.cert_request(cert_request=True).nonce(nonce=True).build()
    raw = _post(conf.tsa_url(), request.as_bytes())
    try:
        answer = decode_timestamp_response(raw)
        problem = _problem(answer, data, request.nonce)
        at = "" if problem else answer.tst_info.gen_time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except ValueError as error:
        raise TimeStampRefused(f"{place()} answered with what is no time stamp ({error}).") from None
    if problem:
        raise TimeStampRefused(f"{place()} {problem}.")
    return raw, at


def place() -> str:
    """The authority's host, for sentences; an address may hold a secret."""
    return urlsplit(conf.tsa_url()).hostname or "The authority"


def _problem(answer: TimeStampResponse, data: bytes, nonce: int | None) -> str:
    if answer.status not in GRANTED:
        return f"refused ({'; '.join(answer.status_string) or answer.status})"
    if answer.tst_info.message_imprint.message != sha256(data).digest():
        return "stamped something else"
    return "" if answer.tst_info.nonce == nonce else "answered to another question"


def _post(url: str, body: bytes) -> bytes:
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310  # checked at start
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            data: bytes = answer.read(MOST_BYTES)
    except urllib.error.HTTPError as error:
        raise TimeStampRefused(f"{place()} answered with HTTP {error.code}.") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise TimeStampRefused(f"{place()} did not answer: {reason}.") from None
    return data
