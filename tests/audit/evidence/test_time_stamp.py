"""Time stamps of RFC 3161, from an authority that openssl really is."""

from __future__ import annotations

import socket
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audit.evidence import stamp, verify
from audit.exceptions import TimeStampRefused
from audit.models import EvidencePack, Target
from tests.audit.evidence.authority import Authority, serving
from tests.audit.evidence.conftest import Make, file_of


@pytest.fixture
def authority(tmp_path: Path, settings: Any) -> Iterator[Authority]:
    folder = tmp_path / "authority"
    folder.mkdir()
    with serving(folder) as there:
        settings.TOVGOV_TSA_URL = there.url
        yield there


def names(row: EvidencePack) -> list[str]:
    with zipfile.ZipFile(file_of(row)) as pack:
        return pack.namelist()


@pytest.mark.django_db(transaction=True)
def test_a_pack_is_stamped_and_openssl_agrees(make: Make, club: Target, authority: Authority, tmp_path: Path) -> None:
    row = make(club)
    assert row.time_stamp.endswith("UTC by 127.0.0.1")
    with zipfile.ZipFile(file_of(row)) as pack:
        pack.extractall(tmp_path / "pack")
    sums, answer = tmp_path / "pack" / verify.SUMS, tmp_path / "pack" / verify.STAMP
    assert authority.verifies(sums, answer)
    assert not authority.verifies(tmp_path / "pack" / "README.md", answer)
    verdict = verify.verify(str(file_of(row)), row.signer)
    assert verdict.faults == []
    assert any(one.startswith(f"Time stamp: {row.time_stamp[:19]}") for one in verdict.said)


@pytest.mark.django_db(transaction=True)
def test_a_refusing_authority_costs_the_pack_its_time_stamp_alone(
    make: Make, club: Target, authority: Authority
) -> None:
    authority.answer = (503, b"")
    row = make(club)
    assert (row.state, row.faults, verify.STAMP in names(row)) == ("succeeded", [], False)
    assert row.time_stamp == "none: 127.0.0.1 answered with HTTP 503."
    assert "Time stamp: none: 127.0.0.1 answered with HTTP 503." in row.said
    assert any("no time stamp" in gap for gap in row.gaps)


def test_a_silent_authority_is_not_waited_for(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    authority.is_silent = True
    monkeypatch.setattr(stamp, "TIMEOUT_SECONDS", 0.2)
    with pytest.raises(TimeStampRefused, match="did not answer"):
        stamp.of(b"sums")


def test_an_authority_that_is_not_there_is_named(settings: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        settings.TOVGOV_TSA_URL = f"http://127.0.0.1:{taken.getsockname()[1]}/path?token=hunter2"
        with pytest.raises(TimeStampRefused) as error:
            stamp.of(b"sums")
    assert "hunter2" not in error.value.message


def test_an_answer_that_is_no_time_stamp_is_refused(authority: Authority) -> None:
    for body in (b"", b"<html>", b"\x30\x03\x02\x01\x05"):
        authority.answer = (200, body)
        with pytest.raises(TimeStampRefused):
            stamp.of(b"sums")


def test_the_stamp_of_something_else_is_refused(authority: Authority) -> None:
    raw, _ = stamp.of(b"another thing")
    authority.answer = (200, raw)
    with pytest.raises(TimeStampRefused, match="stamped something else"):
        stamp.of(b"sums")


def test_an_old_answer_is_refused(authority: Authority) -> None:
    raw, _ = stamp.of(b"sums")
    authority.answer = (200, raw)
    with pytest.raises(TimeStampRefused, match="another question"):
        stamp.of(b"sums")


def test_the_verifier_reads_the_time_and_the_hash(authority: Authority) -> None:
    from hashlib import sha256

    raw, at = stamp.of(b"sums")
    assert verify.stamped(raw) == (at, sha256(b"sums").digest())
