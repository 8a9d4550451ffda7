"""What an entry's page says of its seal."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.seals import proofs

register = template.Library()


@register.simple_tag(takes_context=True)
def seal_of(context: dict[str, Any], entry: Any) -> SafeString:
    """Which leaf of which checkpoint an entry is, as a pair of a list of facts; with its proof, for who may export."""
    checkpoint = proofs.sealed_by(entry)
    if checkpoint is None:
        words = "not sealed" if entry.leaf is None else f"leaf {entry.leaf:,}; its checkpoint is not signed yet"
        return format_html("<div><dt>Seal</dt><dd>{}</dd></div>", words)
    words = f"leaf {entry.leaf:,} of checkpoint {checkpoint.number}"
    if not context["request"].user.has_perm(proofs.PERMISSIONS[entry._meta.db_table]):
        return format_html("<div><dt>Seal</dt><dd>{}</dd></div>", words)
    url = reverse("admin:audit_seal_proof", args=[entry._meta.model_name, entry.pk])
    return format_html('<div><dt>Seal</dt><dd>{}, <a href="{}">download its proof</a></dd></div>', words, url)
