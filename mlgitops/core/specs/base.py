"""What every spec shares: strict frozen models, names, quantities, and where it was read from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from mlgitops.core.secrets import masked
from mlgitops.core.sources import Document, Key, Keys, Mark

API_VERSION = "mlgitops/v1"

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h|d|w)")
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*(B|KB|MB|GB|KiB|MiB|GiB)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


class Spec(BaseModel):
    """Frozen, no unknown keys, no silent conversion of types."""

    # defer_build: a command builds the checks of those kinds alone that it reads.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class Wrong(ValueError):
    """Raised by a check of a spec: what is wrong, what to write, and under which ``key``.

    ``key``: one key, or several on the way down. ``span``: start and length of the offending part
    of a text. ``rule``: the finding that it gives.
    """

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        *,
        key: Key | Keys | None = None,
        span: tuple[int, int] | None = None,
        rule: str = "value",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.keys: Keys = () if key is None else key if isinstance(key, tuple) else (key,)
        self.span = span
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Matching:
    """Checks that the whole text matches; ``what`` ends the sentence "'x' is not …"."""

    pattern: re.Pattern[str]
    what: str
    hint: str

    def __call__(self, value: object) -> object:
        if isinstance(value, str) and not self.pattern.fullmatch(value):
            raise Wrong(f"{shortened(value)} is not {self.what}", self.hint)
        # A number that no quotes would make right is told how to be right, not to take quotes.
        if isinstance(value, int | float) and not self.pattern.fullmatch(str(value)):
            raise Wrong(f"{str(value).lower()} is not {self.what}", self.hint)
        return value


def matching(pattern: str | re.Pattern[str], what: str, hint: str) -> BeforeValidator:
    """Return such a check as an annotation; editors are told the pattern too."""
    return BeforeValidator(Matching(re.compile(pattern), what, hint))


def is_name(value: object) -> bool:
    """Return whether ``value`` can be the name of a pipeline, a model or an environment."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Short:
    """Reads a text as a mapping with this one key: ``parquet`` for ``{format: parquet}``."""

    key: str

    def __call__(self, value: object) -> object:
        return {self.key: value} if isinstance(value, str) else value


def shortened(text: str) -> str:
    """Return the text in quotes to be named in a message: 60 characters of it, and no secret."""
    text = masked(text[:1000])
    return repr(text if len(text) <= 60 else text[:60] + "…")


def _different(items: list[str]) -> list[str]:
    seen: set[str] = set()
    for index, item in enumerate(items):
        if item in seen:
            raise Wrong(f"{shortened(item)} is listed twice", "delete one of the two", key=index)
        seen.add(item)
    return items


Different = AfterValidator(_different)


Name = Annotated[
    str, matching(_NAME, "a name", "use lower-case letters, digits and '-', at most 63 of them")
]
Identifier = Annotated[
    str, matching(_IDENTIFIER, "an identifier", "use letters, digits and '_', like 'train_rows'")
]
Function = Annotated[str, matching(_FUNCTION, "a function", "write it as 'module:function'")]
Duration = Annotated[
    str, matching(_DURATION, "a duration", "write it with its unit: 100ms, 90s, 20m, 24h or 7d")
]
Size = Annotated[str, matching(_SIZE, "a size", "write it as 500KB, 50MB or 4GiB")]
Artifact = Annotated[
    str, matching(r"[a-z0-9-]+\.[A-Za-z_]\w*", "an output of a step", "write it as 'step.output'")
]
ApiVersion = Annotated[
    Literal["mlgitops/v1"],
    Field(description="The version of the language of this file: `mlgitops/v1`."),
]
# ``${NAME}`` stands for an environment variable: a secret is named in git, never written.
Url = Annotated[
    str,
    matching(
        r"\$\{[A-Za-z_][A-Za-z0-9_]*\}|https?://[^\s/]+(/\S*)?",
        "a URL",
        'write it as https://example.com/path, or name the variable that holds it: "${NAME}"',
    ),
]


def _relative(text: str) -> str:
    parts = text.split("/")
    if not text or text.startswith(("/", "~")) or "\\" in text or ".." in parts or "\0" in text:
        raise Wrong(
            f"{shortened(text)} is not a path inside of the repository",
            "write a relative path with '/' and without '..'",
        )
    return text


RelativePath = Annotated[str, AfterValidator(_relative)]

S = TypeVar("S", bound=Spec, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Located(Generic[S]):
    """A spec together with the document that it was read from, so that findings have a place."""

    spec: S
    document: Document

    @property
    def path(self) -> str:
        """Return the file's path inside the repository."""
        return self.document.path

    def mark(self, *keys: Key) -> Mark:
        """Return where the value at ``keys`` stands."""
        return self.document.mark(*keys)

    def mark_key(self, *keys: Key) -> Mark:
        """Return where the key at ``keys`` stands."""
        return self.document.mark_key(*keys)


def seconds(duration: str) -> float:
    """Return a duration such as ``20m`` in seconds."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise ValueError(f"{duration!r} is not a duration")
    return int(match[1]) * _SECONDS[match[2]]


def size_in_bytes(size: str) -> int:
    """Return a size such as ``50MB`` in bytes."""
    match = _SIZE.fullmatch(size)
    if match is None:
        raise ValueError(f"{size!r} is not a size")
    return int(float(match[1]) * _BYTES[match[2]])
