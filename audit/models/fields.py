"""Fields that hold secrets: encrypted at rest with MultiFernet, rotated by ``manage.py targets rotate-keys``.
And words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from audit import conf
from audit.exceptions import KeyMissing, SecretUnreadable

MAKE_A_KEY = "A key is 32 random bytes in URL-safe base64: manage.py targets new-key prints one."


def _fernet() -> MultiFernet:
    keys = conf.secret_keys()
    if not keys:
        raise KeyMissing("TOVGOV_SECRET_KEYS is empty: secrets can be neither stored nor read.")
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:  # binascii.Error is one; its words are not shown, they might hold the key
        raise KeyMissing("TOVGOV_SECRET_KEYS holds something that is no key.", hint=MAKE_A_KEY) from None


if TYPE_CHECKING:
    _TextField = models.TextField[str, str]
else:
    _TextField = models.TextField


class Sealed(str):
    """A secret as the table has it: nobody has asked for it yet."""

    __slots__ = ()


class SecretAttribute(DeferredAttribute):
    """Opens a secret when it is used, not when its row is read: a row whose key is lost can still be listed, named,
    and given another secret."""

    def __get__(self, instance: models.Model | None, cls: Any = None) -> Any:
        value = super().__get__(instance, cls)
        if instance is not None and isinstance(value, Sealed):
            field = cast("EncryptedTextField", self.field)
            value = instance.__dict__[field.attname] = field.open(value)
        return value

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = value  # with a setter, Python asks __get__ before it looks here


class EncryptedTextField(_TextField):
    """Text that is encrypted in the database and plain in Python. Never search or order by it.

    Reading it raises ``SecretUnreadable`` when no key opens it, and ``KeyMissing`` when there is none.
    """

    descriptor_class = SecretAttribute

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """What is there, opened or not: saving a row does not open its secret."""
        return model_instance.__dict__[self.attname]

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, Sealed):
            return str(value)  # never opened, so never changed
        if not value:
            return ""
        return _fernet().encrypt(self.to_text(value).encode()).decode()

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Sealed:
        return Sealed(value or "")

    def open(self, sealed: Sealed) -> Any:
        """What is in it. Raises ``SecretUnreadable`` and ``KeyMissing``."""
        if not sealed:
            return self.from_text("")
        try:
            return self.from_text(_fernet().decrypt(sealed.encode()).decode())
        except InvalidToken:
            raise SecretUnreadable from None

    def to_text(self, value: Any) -> str:
        """The value as the text that is encrypted."""
        return str(value)

    def from_text(self, text: str) -> Any:
        """The value of a text that was encrypted."""
        return text


class EncryptedJSONField(EncryptedTextField):
    """A JSON object, encrypted as a whole."""

    def to_text(self, value: Any) -> str:
        return json.dumps(value, sort_keys=True)

    def from_text(self, text: str) -> Any:
        return json.loads(text) if text else {}

    def to_python(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) and value else (value or {})


if TYPE_CHECKING:
    _Field = models.Field[str | None, str | None]
else:
    _Field = models.Field


class WordsField(_Field):
    """Words, as a ``tsvector``. Python neither reads nor writes them."""

    def db_type(self, connection: Any) -> str:
        return "tsvector"
