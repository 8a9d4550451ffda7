"""Secrets at rest: every stored one written anew under the newest key, so that an older key can be dropped."""

from __future__ import annotations

from django.apps import apps
from django.db import transaction
from django.db.models import Model

from audit import ledger
from audit.actors import Actor
from audit.exceptions import SecretUnreadable
from audit.models.fields import EncryptedTextField


def rotate_keys(*, actor: Actor) -> dict[str, int]:
    """Encrypt every secret anew with the first of TOVGOV_SECRET_KEYS and seal the ledger with it. All or nothing.

    Returns how many secrets each field has. Raises ``NotPermitted``; ``SecretUnreadable`` that names the first secret
    no key opens; ``LedgerBroken`` when the ledger was sealed with none of the keys; ``KeyMissing``.
    """
    actor.require("audit.change_credential")
    with transaction.atomic():
        counts = {f"{model._meta.label}.{field}": _rotate(model, field) for model, field in encrypted_fields()}
        ledger.reseal()
        ledger.append("keys.rotate", actor=actor, secrets=counts)
    return counts


def encrypted_fields() -> list[tuple[type[Model], str]]:
    """Every model and field of this installation that holds secrets."""
    return [
        (model, field.name)
        for model in apps.get_models()
        for field in model._meta.local_fields
        if isinstance(field, EncryptedTextField)
    ]


def _rotate(model: type[Model], field: str) -> int:
    count = 0
    for row in model._default_manager.select_for_update(no_key=True).order_by("pk"):
        try:
            secret = getattr(row, field)
        except SecretUnreadable:
            raise SecretUnreadable(f"The {field} of {model._meta.verbose_name} “{row}” cannot be decrypted.") from None
        if secret:
            model._default_manager.filter(pk=row.pk).update(**{field: secret})
            count += 1
    return count
