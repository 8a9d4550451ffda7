"""age keys: read, refused, never shown."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest

from audit.exceptions import KeyMissing
from backups.exceptions import KeyInvalid
from backups.tools.encryption import (
    Identity,
    create_identity,
    decrypt,
    encrypt,
    load_identities,
    load_recipients,
    recipients_of,
)
from tests.backups.tools.conftest import needs


def test_a_new_key_is_private_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "age.key"
    recipient = create_identity(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert recipients_of(load_identities(path)) == [recipient]
    before = path.read_text()
    with pytest.raises(FileExistsError):
        create_identity(path)
    assert path.read_text() == before


@needs("age-keygen")
def test_keys_of_age_keygen_are_read(tmp_path: Path) -> None:
    subprocess.run(["age-keygen", "-o", tmp_path / "key"], check=True, capture_output=True)
    shown = subprocess.run(["age-keygen", "-y", tmp_path / "key"], check=True, capture_output=True, text=True).stdout
    assert recipients_of(load_identities(tmp_path / "key")) == [shown.strip()]


def test_each_of_several_recipients_can_read(tmp_path: Path) -> None:
    names = [create_identity(tmp_path / name) for name in ("a", "b")]
    sealed = io.BytesIO()
    encrypt(io.BytesIO(b"calm"), sealed, load_recipients(names))
    for name in ("a", "b"):
        opened = io.BytesIO()
        decrypt(io.BytesIO(sealed.getvalue()), opened, load_identities(tmp_path / name))
        assert opened.getvalue() == b"calm"


def test_one_of_several_identities_is_enough(tmp_path: Path, identities: list[Identity]) -> None:
    create_identity(tmp_path / "other")
    sealed, opened = io.BytesIO(), io.BytesIO()
    encrypt(io.BytesIO(b"calm"), sealed, load_recipients(recipients_of(identities)))
    decrypt(io.BytesIO(sealed.getvalue()), opened, [*load_identities(tmp_path / "other"), *identities])
    assert opened.getvalue() == b"calm"


def test_without_any_identity_the_key_is_missing(identities: list[Identity]) -> None:
    sealed = io.BytesIO()
    encrypt(io.BytesIO(b"calm"), sealed, load_recipients(recipients_of(identities)))
    with pytest.raises(KeyMissing):
        decrypt(io.BytesIO(sealed.getvalue()), io.BytesIO(), [])


@pytest.mark.parametrize("where", ["nowhere", "nowhere/deeper", "."])
def test_a_lost_key_file_is_told_with_what_to_do(tmp_path: Path, where: str) -> None:
    with pytest.raises(KeyMissing, match="The secret age key is not at") as caught:
        load_identities(tmp_path / where)
    assert "cannot be read by anybody" in caught.value.hint


@pytest.mark.parametrize(
    "content", [b"", b"# only a comment\n", b"\xff\xfe\x00", b"AGE-SECRET-KEY-1NOTAKEY\n", b"age1recipient\n"]
)
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(KeyInvalid) as caught:
        load_identities(tmp_path / "key")
    assert "NOTAKEY" not in str(caught.value)


def test_what_is_no_recipient_is_refused() -> None:
    with pytest.raises(KeyInvalid, match="age recipient"):
        load_recipients(["age1nonsense"])


def test_a_secret_key_given_as_recipient_is_refused_and_not_shown(key_file: Path) -> None:
    secret = key_file.read_text().splitlines()[-1]
    with pytest.raises(KeyInvalid, match="a secret key stands where") as caught:
        load_recipients([secret])
    assert secret[:20] not in repr(caught.value.as_dict())


def test_empty_words_are_no_recipients() -> None:
    assert load_recipients(["", "  "]) == []


def test_no_key_is_shown_by_its_repr(identities: list[Identity]) -> None:
    assert "AGE-SECRET" not in repr(identities)
