"""Findings as SARIF 2.1.0, as code scanning reads it (OASIS, errata 01)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote

from mlgitops import __version__
from mlgitops.core.digests import JSON
from mlgitops.core.findings import Finding
from mlgitops.core.fixes import Edit, Fix
from mlgitops.core.marks import Mark
from mlgitops.report import rules
from mlgitops.report.snippets import Lines

_SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_ROOT: Final = "SRCROOT"
# What cannot be known here fails nothing, and so it is no more than a note.
_LEVELS: Final[dict[str, str]] = {"error": "error", "warning": "warning", "unknown": "note"}

_LANGUAGES: Final = {"yaml": "yaml", "yml": "yaml", "py": "python", "sql": "sql"}


def sarif(findings: Sequence[Finding], read: Callable[[str], bytes | None]) -> dict[str, JSON]:
    """Return the SARIF log of the findings, with the page of every rule; ``read`` gives a file."""
    known = [rules.page(name) for name in rules.names()]
    place = {page.rule: index for index, page in enumerate(known)}
    paths = sorted({at.path for f in findings for at in (f.at, *(at for at, _ in f.related))})
    files = {path: index for index, path in enumerate(paths)}
    prints = _fingerprints(findings, Lines(read, (finding.at for finding in findings)))
    results: list[JSON] = [
        _result(finding, place, files, fingerprint)
        for finding, fingerprint in zip(findings, prints, strict=True)
    ]
    run: dict[str, JSON] = {
        "tool": {
            "driver": {
                "name": "mlgitops",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(page) for page in known],
            }
        },
        "automationDetails": {"id": "mlgitops/validate/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            _ROOT: {"description": {"text": "The root of the repository."}},
        },
        "artifacts": [_artifact(path) for path in paths],
        "results": results,
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(page: rules.Page) -> JSON:
    words = page.rule.split("-")
    # A name that says no more than the id is to be left out.
    name: dict[str, JSON] = {"name": "".join(map(str.capitalize, words))} if words[1:] else {}
    return {
        "id": page.rule,
        **name,
        "shortDescription": {"text": _sentence(page.what)},
        "fullDescription": {"text": _sentence(page.why)},
        "help": {"text": page.markdown, "markdown": page.markdown},
        "defaultConfiguration": {"level": _LEVELS[page.severity]},
    }


def _result(
    finding: Finding, place: dict[str, int], files: dict[str, int], fingerprint: str
) -> JSON:
    said = [_sentence(finding.message)] + ([f"Hint: {finding.hint}"] if finding.hint else [])
    result: dict[str, JSON] = {
        "ruleId": finding.rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": _text("\n".join(said))},
        "locations": [_location(finding.at, files)],
        "partialFingerprints": {"finding/v1": fingerprint},
    }
    if finding.rule in place:
        result["ruleIndex"] = place[finding.rule]
    if finding.related:
        result["relatedLocations"] = [
            {**_location(at, files), "id": number, "message": {"text": _sentence(what)}}
            for number, (at, what) in enumerate(finding.related, start=1)
        ]
    if finding.fix is not None:
        result["fixes"] = [_fix(finding.fix)]
    return result


def _location(at: Mark, files: dict[str, int]) -> dict[str, JSON]:
    return {
        "physicalLocation": {
            "artifactLocation": {
                "uri": _uri(at.path),
                "uriBaseId": _ROOT,
                "index": files[at.path],
            },
            "region": {
                "startLine": at.line,
                "startColumn": at.column,
                "endLine": at.line,
                "endColumn": at.column + at.length,
            },
        }
    }


def _artifact(path: str) -> JSON:
    location: dict[str, JSON] = {"location": {"uri": _uri(path), "uriBaseId": _ROOT}}
    language = _LANGUAGES.get(path.rpartition(".")[2])
    return {**location, "sourceLanguage": language} if language else location


def _fix(fix: Fix) -> JSON:
    changes: list[JSON] = [_replacement(edit) for edit in fix.edits]
    location: JSON = {"uri": _uri(fix.path), "uriBaseId": _ROOT}
    return {
        "description": {"text": _sentence(fix.title)},
        "artifactChanges": [{"artifactLocation": location, "replacements": changes}],
    }


def _replacement(edit: Edit) -> JSON:
    return {
        "deletedRegion": {
            "startLine": edit.line,
            "startColumn": edit.column,
            "endLine": edit.end_line,
            "endColumn": edit.end_column,
        },
        "insertedContent": {"text": _text(edit.text)},
    }


def _fingerprints(findings: Sequence[Finding], lines: Lines) -> list[str]:
    """Return what stays the same of each finding when lines are added above it."""
    seen: Counter[str] = Counter()
    made = []
    for finding in findings:
        line = (lines.at(finding.at) or "").strip()
        parts = "\0".join((finding.rule, finding.at.path, line, finding.message))
        digest = hashlib.sha256(parts.encode("utf-8", "replace")).hexdigest()[:32]
        seen[digest] += 1
        made.append(f"{digest}:{seen[digest]}")
    return made


def _uri(path: str) -> str:
    """Return the relative reference to a path of the repository, whatever bytes it is made of."""
    return quote(path.encode("utf-8", "surrogateescape"), safe="/")


def _sentence(text: str) -> str:
    """Return the text as SARIF wants it: with a full stop at its end."""
    text = _text(text)
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
