"""The identity of a step's work: the digest of everything that decides its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast

from mlgitops.core.digests import JSON, Digest, canonical, of_value, parse_digest
from mlgitops.core.errors import MlgitopsError

Kind: TypeAlias = Literal["run", "command", "notebook", "sql", "source", "file"]

_SCHEME = 2
_MISSING = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input: its bytes, and the format that they are read as (``path``: given as a file)."""

    digest: Digest
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that decides a step's result; kept in its record, so that `plan` can compare.

    ``words``: what is called: a function, the words of a command, the path of a notebook or query,
    or what a source asks where (``sql``, connection, query; ``http``, address, headers), with the
    names of secrets as the spec has them. ``code``: file to the digest of its meaning. ``lock``:
    distribution to version, of those that the step reaches. ``env``: names of the environment
    variables that it is given (their values are secrets and do not count). ``contracts``: output to
    the digest of what its rows promise.
    """

    kind: Kind
    words: tuple[str, ...] = ()
    code: Mapping[str, Digest] = field(default_factory=dict)
    params: Mapping[str, JSON] = field(default_factory=dict)
    inputs: Mapping[str, Input] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    lock: Mapping[str, str] = field(default_factory=dict)
    python: str = ""
    env: tuple[str, ...] = ()
    contracts: Mapping[str, Digest] = field(default_factory=dict)
    as_of: str | None = None


def key_of(parts: Parts) -> Digest:
    """Return the step key: two steps with one key compute the same thing."""
    return of_value({"scheme": _SCHEME, "parts": to_json(parts)})


def key_of_snapshot(digest: str, as_of: str, output: str, format: str) -> Digest:
    """Return the key of a pinned source: the pin alone decides what its rows are."""
    pinned: JSON = {"digest": digest, "as_of": as_of, "output": output, "format": format}
    return of_value({"scheme": _SCHEME, "snapshot": pinned})


def key_of_latest(pipeline: str, step: str) -> Digest:
    """Return the key under which a step's newest record on this machine is remembered.

    It only serves to say what changed since; no result is ever taken by it.
    """
    return of_value({"scheme": _SCHEME, "latest": [pipeline, step]})


def to_json(parts: Parts) -> dict[str, JSON]:
    """Return the JSON form, as it is digested and recorded."""
    return {
        "kind": parts.kind,
        "words": list(parts.words),
        "code": {name: str(digest) for name, digest in parts.code.items()},
        "params": dict(parts.params),
        "inputs": {
            name: {"digest": one.digest, "format": one.format} for name, one in parts.inputs.items()
        },
        "outputs": dict(parts.outputs),
        "lock": dict(parts.lock),
        "python": parts.python,
        "env": [*sorted(parts.env)],
        "contracts": {name: str(digest) for name, digest in parts.contracts.items()},
        "as_of": parts.as_of,
    }


def from_json(data: JSON) -> Parts:
    """Read what ``to_json`` wrote; MlgitopsError when it is something else."""
    try:
        value = cast("Mapping[str, Mapping[str, JSON]]", data)
        inputs = cast("Mapping[str, Mapping[str, str]]", value["inputs"])
        as_of = cast("str | None", value["as_of"])
        return Parts(
            kind=cast(Kind, value["kind"]),
            words=tuple(str(word) for word in value["words"]),
            code={name: parse_digest(str(text)) for name, text in value["code"].items()},
            params=dict(value["params"]),
            inputs={
                name: Input(digest=parse_digest(one["digest"]), format=one["format"])
                for name, one in inputs.items()
            },
            outputs={name: str(text) for name, text in value["outputs"].items()},
            lock={name: str(text) for name, text in value["lock"].items()},
            python=str(value["python"]),
            env=tuple(str(name) for name in value["env"]),
            contracts={name: parse_digest(str(text)) for name, text in value["contracts"].items()},
            as_of=as_of,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MlgitopsError(f"not the parts of a step key: {error!r}") from error


def changes(old: Parts, new: Parts) -> tuple[str, ...]:
    """Return what moved between two keys of a step, the likeliest cause first; empty: nothing."""
    reasons: list[str] = []
    if old.kind != new.kind:
        reasons.append(f"the kind of step changed from {old.kind} to {new.kind}")
    elif old.words != new.words:
        reasons.append(f"it calls {' '.join(new.words)}, before {' '.join(old.words)}")
    reasons += _files(old.code, new.code)
    reasons += _values("param", old.params, new.params)
    reasons += _inputs(old.inputs, new.inputs)
    reasons += _values("output", old.outputs, new.outputs)
    if old.contracts != new.contracts:
        reasons.append(f"the contract of {_moved(old.contracts, new.contracts)} changed")
    if old.as_of != new.as_of:
        reasons.append(f"as of {old.as_of} → {new.as_of}")
    if set(old.env) != set(new.env):
        reasons.append("the environment variables that it is given changed")
    if old.python != new.python:
        reasons.append(f"Python {old.python} → {new.python}")
    reasons += _versions(old.lock, new.lock)
    return tuple(reasons)


def _files(old: Mapping[str, Digest], new: Mapping[str, Digest]) -> list[str]:
    changed = [name for name in new if name in old and old[name] != new[name]]
    reasons = [f"code of {name} changed" for name in changed]
    reasons += [f"code of {name} is reached now" for name in new if name not in old]
    reasons += [f"code of {name} is no longer reached" for name in old if name not in new]
    return reasons


def _values(what: str, old: Mapping[str, JSON], new: Mapping[str, JSON]) -> list[str]:
    reasons = []
    for name, value in new.items():
        before = old.get(name, _MISSING)
        if before is _MISSING:
            reasons.append(f"{what} {name} is new ({_show(value)})")
        elif canonical(cast(JSON, before)) != canonical(value):
            reasons.append(f"{what} {name} {_show(cast(JSON, before))} → {_show(value)}")
    reasons += [f"{what} {name} is gone" for name in old if name not in new]
    return reasons


def _inputs(old: Mapping[str, Input], new: Mapping[str, Input]) -> list[str]:
    reasons = []
    for name, one in new.items():
        before = old.get(name)
        if before is None:
            reasons.append(f"input {name} is new")
        elif before.digest != one.digest:
            reasons.append(f"input {name} changed")
        elif before.format != one.format:
            reasons.append(f"input {name} is read as {one.format}, before as {before.format}")
    reasons += [f"input {name} is gone" for name in old if name not in new]
    return reasons


def _moved(old: Mapping[str, Digest], new: Mapping[str, Digest]) -> str:
    names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    return " and ".join(names)


def _versions(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    reasons = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before != after:
            reasons.append(f"{name} {before or 'not there'} → {after or 'gone'}")
    return reasons


def _show(value: JSON) -> str:
    if isinstance(value, str):
        return value
    text = canonical(value).decode()
    return text if len(text) <= 40 else text[:37] + "..."
