"""A list is called as the link that led to it, on its page and in the trail of those below it."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory

from tests import factories
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def test_every_list_bears_its_name_of_the_rail(cast: Cast) -> None:
    cast.miriam.is_superuser = True
    cast.miriam.save()
    client, request = Client(), RequestFactory().get("/admin/")
    client.force_login(cast.miriam)
    request.user = cast.miriam
    wrong = {}
    links = [model for section in admin.site.get_app_list(request) for model in section["models"] if model["label"]]
    for link in links:
        page = client.get(link["admin_url"], follow=True).content.decode()
        heading = re.search(r"<h1>(.*?)</h1>", page, re.S)
        if heading is None or link["name"] not in heading[1] or f'aria-current="page">{link["name"]}' not in page:
            wrong[link["label"]] = (link["name"], heading and heading[1])
    assert wrong == {}
    assert len(links) > 30


def test_the_trail_of_an_entry_names_its_list(client: Client, cast: Cast) -> None:
    client.force_login(cast.alice)
    entry = factories.GroupedLogEntryFactory()
    page = client.get(f"/admin/audit/serverlogentry/{entry.pk}/change/").content.decode()
    assert '<a href="/admin/audit/serverlogentry/">Log lines</a>' in page
