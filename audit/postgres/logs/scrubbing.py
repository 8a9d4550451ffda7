"""Secrets in any text of a log: passwords, connection strings, tokens, keys. What is found becomes ``?``."""

from __future__ import annotations

import re

from audit.postgres.logs.literals import VALUE, without_literals

HINTS = (
    "pass", "pwd", "secret", "token", "://", "bearer", "basic ", "api", "access", "private", "encryption",
    "signing", "master", "credential", "akia", "asia", "aida",
    "aroa", "abia", "acca", "eyj", "scram-sha-", "md5", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "glpat-", "xox",
    "sk-",
    "sk_", "pk-", "pk_", "mapping", "subscription", "conninfo", "dblink", "options", "crypt", "hmac", "pgp_",
)  # fmt: skip
"""A text without any of these, in lower case, holds no secret that is known here."""

_TELLING = (
    r"[\w.\-]*(?:pass(?:word|wd|phrase|code|key)?|pwd|secret|token|credentials?|api[_-]?key|access[_-]?key"
    r"|private[_-]?key|encryption[_-]?key|signing[_-]?key|master[_-]?key)[\w.\-]*"
)
_QUOTED = r"""'(?>(?:[^'\\]|''|\\.)*)(?:'|\Z)|"(?>(?:[^"\\]|\\.)*)(?:"|\Z)"""
_GIVEN = re.compile(
    rf"""(?is)(?P<name>(?<![\w.\-]){_TELLING}["']?\s*(?:=>|:=|=|:|\bto\b)\s*)"""
    rf"""(?P<value>[eEnN]?(?:{_QUOTED})|(?!\$\d|\?|null\b|none\b)[^\s,;)('"&]+)"""
)
_CHANGED = re.compile(rf"""(?is)(?P<name>parameter "(?:{_TELLING}|primary_conninfo)" changed to )(?P<value>".*"|\S+)""")
_ROLE_WORD = re.compile(
    rf"""(?is)(?P<name>\b(?:role|user|group)\b.{{0,1000}}?\bpassword\b\s*+)"""
    rf"""(?P<value>[eEnN]?(?:{_QUOTED})|(?!null\b|\?|authentication\b|is\b|for\b|does\b|of\b|[=:])[^\s,;)('"]+)"""
)
_URL = re.compile(r"""(?P<name>\b[a-zA-Z][a-zA-Z0-9+]{0,30}://[^\s:@/'"]*:)(?P<value>[^\s'"]{0,500})(?=@)""")
_BARE = re.compile(
    r"(?P<name>(?i:\bbearer\s+|\bauthorization:\s*(?:basic|token)\s+))(?P<value>[\w.~+/=\-]+)"
    r"|\b(?:AKIA|ASIA|AIDA|AROA|ABIA|ACCA)[0-9A-Z]{16}\b"
    r"|\beyJ[\w\-]+\.[\w\-]+(?:\.[\w\-]*)?"
    r"|(?i:\bSCRAM-SHA-256\$[\w+/=:$]+)|\bmd5[0-9a-fA-F]{32}\b"
    r"|\b(?:gh[pousr]_\w{16,}|glpat-[\w\-]{16,}|xox[abprs]-[\w\-]{8,}|[sp]k[-_](?:live|test|proj)?[-_]?\w{16,})"
    r"|(?s:-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z))"
)
_CONSTANT = re.compile(r"'(?>(?:[^'\\]|''|\\.)*)(?:'|\\?\Z)|(\$\w*\$).*?(?:\1|\Z)|/\*.*?(?:\*/|\Z)", re.DOTALL)
_SECRET_STATEMENT = re.compile(
    rf"""(?isx)\bpassword\b | \buser\s+mapping\b | \bsubscription\b | \bserver\b .{{0,500}} \boptions\b
    | \bdblink | conninfo | crypt\w*\s*\( | \bhmac\s*\( | pgp_\w+\s*\(
    | (?<![\w.\-]){_TELLING}["']?\s*(?:=|:=|=>|,|:|\bto\b) | \bcredential"""
)


def scrub(text: str, *, is_statement: bool = False) -> str:
    """``text`` without its secrets. In a statement that may carry one (a role's password, a user mapping, a
    subscription, a setting with a telling name) every constant goes, whatever its spelling."""
    if not has_hints(text):
        return text
    if _SECRET_STATEMENT.search(text):
        text = without_literals(text) if is_statement else _CONSTANT.sub(VALUE, text)
    for pattern in (_CHANGED, _GIVEN, _ROLE_WORD, _URL, _BARE):
        text = pattern.sub(_hidden, text)
    return text


def has_hints(text: str) -> bool:
    """Whether a secret may be in it: a quick look that says yes too often."""
    lower = text.lower()
    for hint in HINTS:  # noqa: SIM110 (a generator costs more than all the looks)
        if hint in lower:
            return True
    return False


def _hidden(match: re.Match[str]) -> str:
    return (match.groupdict().get("name") or "") + VALUE
