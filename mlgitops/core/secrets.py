"""Secrets that somebody wrote in clear: known by their form, or by the key that they are under."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

# Forms that vendors gave their tokens so that they can be found, and what they open. No search may
# go over the same text from each of its characters: a spec may be one line of a megabyte.
_TOKENS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,})")),
    ("a GitLab token", re.compile(r"\bglpat-[\w-]{20,}")),
    ("a Slack token", re.compile(r"\bxox[abeprs]-[A-Za-z0-9-]{10,}")),
    ("a Slack webhook", re.compile(r"https://hooks\.slack\.com/services/[\w/]{20,}")),
    ("a Discord webhook", re.compile(r"https://discord(?:app)?\.com/api/webhooks/\d+/[\w-]{20,}")),
    (
        "a Teams webhook",
        re.compile(r"https://[\w.-]+\.(?:webhook\.office|logic\.azure)\.com(?::\d+)?/\S{20,}"),
    ),
    ("a Telegram token", re.compile(r"\b\d{8,10}:AA[\w-]{33}\b")),
    ("a Google API key", re.compile(r"\bAIza[\w-]{35}")),
    ("a Stripe key", re.compile(r"\b[rs]k_live_[A-Za-z0-9]{16,}")),
    ("a Hugging Face token", re.compile(r"\bhf_[A-Za-z0-9]{30,}\b")),
    ("a key of a model API", re.compile(r"\bsk-(?:ant|proj|svcacct)-[\w-]{20,}")),
    ("an npm token", re.compile(r"\bnpm_[A-Za-z0-9]{36}\b")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("a signed token (JWT)", re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+")),
    ("a password in a URL", re.compile(r"\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@]+:[^\s/@${]+@")),
)
_WORDS: Final = r"password|passwd|secret|authorization"
_NAMES: Final = (
    rf"(?:{_WORDS}|api[_-]?key|access[_-]?key|private[_-]?key|(?:auth|api|access)[_-]?token)"
)
_KEYS: Final = re.compile(rf"(?:^|[_-]){_NAMES}$", re.IGNORECASE)
_GIVEN: Final = re.compile(rf"({_NAMES}[\"']?\s*:\s*)([^\s,\[\]{{}}$][^,}}]*)", re.IGNORECASE)


def secret_in(text: str, key: str | None = None) -> str | None:
    """Return what ``text`` seems to be, or None; ``key`` is the name that it stands under."""
    what = _token_in(text)
    if what is None and key is not None and _names_one(key) and text and "${" not in text:
        return f"the value of {key!r}"
    return what


# Names and words repeat from spec to spec.
@lru_cache(maxsize=8192)
def _token_in(text: str) -> str | None:
    for what, pattern in _TOKENS:
        if pattern.search(text):
            return what
    return None


@lru_cache(maxsize=1024)
def _names_one(key: str) -> bool:
    return _KEYS.search(key) is not None


def masked(line: str) -> str:
    """Return a line of YAML with whatever looks like a secret replaced by as many ``*``."""
    line = _GIVEN.sub(lambda found: found[1] + "*" * len(found[2]), line)
    for _, pattern in _TOKENS:
        line = pattern.sub(lambda found: "*" * len(found[0]), line)
    return line
