"""Known clients: decided by who may, on pages and on the command line; what does not fit is refused by name."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from audit import clients
from audit.actors import Actor
from audit.admin.base import act_url
from audit.exceptions import ClientInvalid, NoSuchClient, NotPermitted
from audit.models import KnownClient, LedgerEntry, Target
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.audit.test_reviews_command import run
from tests.cast import Cast
from tests.factories import KnownClientFactory

pytestmark = pytest.mark.django_db
LIST = "/admin/audit/knownclient/"

BAD = {
    "address": ["10.0.0.0/33", "nowhere", "10.0.0.1/8", "", "10.0.0.7 x"],
    "hours": ["24", "6", "06-25", "6-8", "-", ""],
    "role": ["r" * 64, "a\0b"],
    "colour": ["red"],
}


@pytest.mark.parametrize(("part", "value"), [(part, value) for part, values in BAD.items() for value in values])
def test_what_is_no_client_is_refused(part: str, value: str) -> None:
    with pytest.raises(ClientInvalid):
        clients.checked(part, value)


def test_values_are_stored_in_one_way() -> None:
    assert clients.checked("address", "10.0.0.7/32") == "10.0.0.7"
    assert clients.checked("address", " 2001:DB8:0::/48 ") == "2001:db8::/48"
    assert clients.checked("address", "local") == "local"
    assert clients.checked("hours", "22-06") == "22-06"
    assert clients.hours_of("22-02") == [22, 23, 0, 1]
    assert clients.hours_of("06") == [6]
    assert len(clients.hours_of("00-24")) == 24


def test_a_decision_stands_in_the_ledger(manager: Actor) -> None:
    row = KnownClientFactory()
    assert clients.confirm([row], actor=manager, reason="Our web servers.") == 1
    assert clients.confirm([row], actor=manager) == 0
    entry = LedgerEntry.objects.get(action="client.confirm")
    assert (entry.reason, entry.detail["clients"][0]["value"]) == ("Our web servers.", "10.0.0.7")
    clients.refuse([row], actor=manager)
    assert (row.state, row.decided_by) == ("refused", "miriam")


def test_the_staff_may_not_decide(asker: Actor) -> None:
    row = KnownClientFactory()
    for verb in (clients.confirm, clients.refuse):
        with pytest.raises(NotPermitted):
            verb([row], actor=asker)
    with pytest.raises(NotPermitted):
        clients.give(row.target, "role", "x", actor=asker)


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(NoSuchClient):
        clients.find([424242])


# --- the command line ------------------------------------------------------------------------------------------------


def test_listed_and_decided_on_the_command_line(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    row = KnownClientFactory(target__name="Club")
    found = run(capsys, "clients", "list", "Club", "--state", "learned")
    assert (found[0]["id"], found[0]["value"]) == (row.pk, "10.0.0.7")
    assert run(capsys, "clients", "confirm", row.pk, "--as", "miriam")["changed"] == 1
    words = ("--target", "Club", "--part", "address", "--value", "10.0.0.0/8")
    assert run(capsys, "clients", "refuse", *words, "--as", "bob")["changed"] == 1
    assert KnownClient.objects.get(value="10.0.0.0/8").state == "refused"


def test_all_are_decided_on_the_command_line(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    rows = first_day(factories.TargetFactory(name="Club"))
    assert run(capsys, "clients", "confirm", "--target", "Club", "--all", "--as", "miriam")["changed"] == 4
    assert set(KnownClient.objects.filter(state="confirmed")) == set(rows)


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (("confirm",), 2, "client.invalid"),
        (("confirm", "99"), 2, "client.unknown"),
        (("confirm", "--target", "Club"), 2, "client.invalid"),
        (("confirm", "--all"), 2, "client.invalid"),
        (("confirm", "--all", "--target", "Club", "--part", "role"), 2, "client.invalid"),
        (("refuse", "--target", "Club", "--part", "hours", "--value", "late"), 2, "client.invalid"),
    ],
)
def test_words_that_do_not_fit(
    cast: Cast, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], status: int, code: str
) -> None:
    factories.TargetFactory(name="Club")
    told = run(capsys, "clients", *words, "--as", "miriam", status=status)
    assert told["error"]["code"] == code


# --- pages -----------------------------------------------------------------------------------------------------------


def test_seen_by_all_and_decided_by_managers(cast: Cast) -> None:
    row = KnownClientFactory()
    page = reverse("admin:audit_knownclient_change", args=[row.pk])
    for person in (cast.charlie, cast.alice):
        client = signed_in(person)
        assert "10.0.0.7" in client.get(LIST).content.decode()
        assert act_url(row, "confirm", row.pk) not in client.get(page).content.decode().replace("&amp;", "&")
        assert client.post(act_url(row, "confirm", row.pk)).status_code == 403
        assert client.get(f"{LIST}add/").status_code == 403
    client = signed_in(cast.miriam)
    answer = client.post(act_url(row, "confirm", row.pk), {"reason": "Ours."}, follow=True)
    assert "Confirmed: Address 10.0.0.7" in answer.content.decode()


def test_many_are_decided_at_once(cast: Cast) -> None:
    target = factories.TargetFactory()
    rows = [KnownClientFactory(target=target, value=f"10.0.0.{n}") for n in range(3)]
    client = signed_in(cast.miriam)
    answer = client.post(act_url(rows[0], "refuse", *[row.pk for row in rows]), {"reason": ""}, follow=True)
    assert answer.status_code == 200
    assert "Refused: 3." in answer.content.decode()
    assert LedgerEntry.objects.filter(action="client.refuse").count() == 1


def first_day(target: Target) -> list[KnownClient]:
    """What a target has seen within an hour, and three rows that nobody is asked about."""
    seen = [("address", "10.0.0.7"), ("role", "tovplay_app"), ("application", "web"), ("application", "")]
    KnownClientFactory(target=target, part="hours", value="09", state="seen")
    KnownClientFactory(target=target, part="address", value="10.0.0.66", state="refused")
    KnownClientFactory(target=target, part="address", value="10.9.0.0/16", state="seen", times=0)
    return [KnownClientFactory(target=target, part=part, value=value, state="seen") for part, value in seen]


def test_on_the_first_day_all_that_was_seen_is_confirmed_at_once(cast: Cast) -> None:
    target = factories.TargetFactory(name="Club")
    rows = first_day(target)
    other = KnownClientFactory(target__name="Other")
    group = factories.ConnectionGroupFactory(target=target, application_name="web", new=["address", "role"])
    client = signed_in(cast.miriam)
    page = client.get(LIST).content.decode().replace("&amp;", "&")
    assert "These are all known: Club (4)" in page
    (url,) = re.findall(r'href="([^"]*act/confirm/[^"]*)">These are all known: Club', page)
    shown = client.get(url).content.decode()
    assert all((row.value or "(none)") in shown for row in rows), "each is named before"
    assert KnownClient.objects.filter(state="confirmed").count() == 0
    answer = client.post(url, {"reason": "We looked through them."}, follow=True).content.decode()
    assert "Confirmed: 4." in answer
    assert "These are all known: Club" not in answer
    assert set(KnownClient.objects.filter(state="confirmed")) == set(rows)
    group.refresh_from_db()
    assert (group.is_noise, group.new) == (True, []), "its sessions wait no more"
    other.refresh_from_db()
    assert other.state == "learned"
    assert LedgerEntry.objects.filter(action="client.confirm").count() == 1


def test_who_may_not_decide_is_not_offered_it(cast: Cast) -> None:
    rows = first_day(factories.TargetFactory(name="Club"))
    client = signed_in(cast.alice)
    assert "These are all known" not in client.get(LIST).content.decode()
    assert client.post(act_url(rows[0], "confirm", *[row.pk for row in rows])).status_code == 403


def test_the_offer_follows_the_filter(cast: Cast) -> None:
    first_day(factories.TargetFactory(name="Club"))
    other = KnownClientFactory(target__name="Other").target
    page = signed_in(cast.miriam).get(f"{LIST}?target__id__exact={other.pk}").content.decode()
    assert "These are all known: Other (1)" in page
    assert "These are all known: Club" not in page


def test_a_range_is_added_by_hand(cast: Cast) -> None:
    target = factories.TargetFactory()
    client = signed_in(cast.miriam)
    bad = client.post(f"{LIST}add/", {"target": target.pk, "part": "address", "value": "10/8"})
    assert (bad.status_code, "client.invalid" in bad.content.decode()) == (409, True)
    made = client.post(f"{LIST}add/", {"target": target.pk, "part": "address", "value": "10.0.0.0/8"}, follow=True)
    assert "counts once it is confirmed" in made.content.decode()
