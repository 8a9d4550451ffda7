"""Addresses: what of them is shown, what a service's refusal means in plain words, and that no secret comes back."""

from __future__ import annotations

import socket

import pytest

from audit.exceptions import ChannelInvalid, NotSent
from audit.models import Severity
from audit.notifications import address
from tests.audit.notifications.places import Hook, Mailbox

SECRETS = ("open-sesame", "sekrit-token", "hunter2hunter2", "miriam")


def send(url: str, title: str = "Back up now", body: str = "It is due.") -> None:
    address.send(url, title=title, body=body, severity=Severity.CRITICAL)


def refusal(url: str) -> str:
    with pytest.raises(NotSent) as caught:
        send(url)
    assert not any(secret in caught.value.message for secret in SECRETS), caught.value.message
    return caught.value.message


@pytest.mark.parametrize(
    ("url", "schema", "place"),
    [
        ("json://miriam:open-sesame@hooks.example.org/sekrit-token", "json", "JSON at hooks.example.org"),
        ("mailtos://miriam:open-sesame@example.org", "mailtos", "E-Mail at example.org"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general", "slack", "Slack"),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "discord", "Discord"),
        ("ntfy://ntfy.example.org/sekrit-token", "ntfy", "ntfy at ntfy.example.org"),
    ],
)
def test_what_is_shown_holds_no_secret(url: str, schema: str, place: str) -> None:
    assert address.read(url) == address.Place(schema, place)


@pytest.mark.parametrize(
    "url", ["", "nonsense", "sekrit-token", "nosuch://miriam:open-sesame@example.org", "slack://sekrit-token"]
)
def test_what_is_no_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ChannelInvalid) as caught:
        address.read(url)
    assert not any(secret in caught.value.message for secret in SECRETS)


def test_a_channel_to_this_machine_alone_is_refused() -> None:
    with pytest.raises(ChannelInvalid, match="nobody sits"):
        address.read("syslog://")


def test_a_webhook_takes_it(hook: Hook) -> None:
    send(hook.url)
    assert (hook.taken[0]["title"], hook.taken[0]["message"]) == ("Back up now", "It is due.")
    assert hook.taken[0]["type"] == "failure"


def test_a_mail_arrives(mails: Mailbox) -> None:
    send(mails.url, title="Back up now — heute", body="It is due.\nToday.")
    mail = mails.mails[0]
    assert (mail["Subject"], mail["To"]) == ("Back up now — heute", "night@example.org")
    assert "It is due." in mail.as_string()


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "token was not accepted"), (403, "does not allow"), (404, "nothing at this path"), (500, "fault just now")],
)
def test_a_refusal_of_a_webhook_in_plain_words(hook: Hook, status: int, words: str) -> None:
    hook.status = status
    assert words in refusal(hook.url)
    assert hook.asked == 1


def test_nobody_listens_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"json://miriam:open-sesame@127.0.0.1:{free.getsockname()[1]}/sekrit-token"
        assert "nothing listens on that port" in refusal(url)


def test_there_is_no_such_host() -> None:
    assert "no such host" in refusal("json://miriam:hunter2hunter2@nowhere.invalid/sekrit-token")


def test_the_host_does_not_speak_tls(hook: Hook) -> None:
    assert "TLS" in refusal(hook.url.replace("json://", "jsons://"))


def test_a_mail_server_that_does_not_know_the_recipient(mails: Mailbox) -> None:
    mails.refuses = "550 No such person"
    assert "recipient" in refusal(mails.url)
    assert mails.mails == []
