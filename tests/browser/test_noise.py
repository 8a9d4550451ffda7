"""Noise filters in a browser: the look ahead follows what is typed, and the pages are as all others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.urls import reverse

from audit import noise
from audit.actors import Actor
from audit.templatetags.tovgov import page_of
from tests.browser.visitor import DESK, PHONE, Visitor
from tests.factories import ServerLogGroupFactory, TargetFactory

Visit = Callable[..., Visitor]
ADD = "/admin/audit/noisefilter/add/"


def test_the_look_ahead_follows_what_is_typed(people: object, visit: Visit) -> None:
    ServerLogGroupFactory(title="permission denied for table <img src=x onerror=alert(1)>", count=7)
    miriam = visit("miriam")
    miriam.go(ADD)
    page = miriam.page
    page.fill("#noise_pattern", "denied for table")
    page.get_by_text("1 of the 1 group, 7 entries").wait_for()
    page.get_by_text("<img src=x").wait_for()
    page.fill("#noise_pattern", "space left")
    page.get_by_text("It will be refused").wait_for()
    assert miriam.faults() == []


def test_without_script_a_button_shows_the_same(people: object, visit: Visit) -> None:
    ServerLogGroupFactory(count=7)
    miriam = visit("miriam", script=False)
    miriam.go(ADD)
    miriam.page.fill("#noise_pattern", "table members")
    miriam.page.click("button[name=preview]")
    assert "7 entries" in miriam.page.inner_text("#noise-preview")


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_nothing_is_wrong_with_the_pages(people: object, visit: Visit, width: int) -> None:
    target = TargetFactory(name="Club")
    for at in range(3):
        ServerLogGroupFactory(target=target, title=f"permission denied for table members {at}")
    actor = Actor.system("tests")
    row = noise.add("table members", reason="The monitor asks.", actor=actor)
    own = noise.change_minimum(target, 30, actor=actor)
    miriam = visit("miriam", width=width)
    paths = [ADD, page_of(row), reverse("admin:audit_noisefilter_edit", args=[row.pk]), "/admin/audit/noisefilter/",
             "/admin/audit/logsettings/", "/admin/audit/logsettings/add/", page_of(own)]  # fmt: skip
    faults = {path: found for path in paths if miriam.go(path) and (found := miriam.faults())}
    assert faults == {}
