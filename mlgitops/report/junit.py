"""Findings as a JUnit file: one test case a spec, which fails when there are errors in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from mlgitops.core.findings import Finding
from mlgitops.report import findings as report

_NAME: Final = "mlgitops validate"
# XML 1.0 has no place for these, not even as a reference.
_UNFIT: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(
    findings: Sequence[Finding], files: Iterable[str], read: Callable[[str], bytes | None]
) -> str:
    """Return the XML; ``files`` are the paths that were looked at, ``read`` gives one.

    A case is called after its file, so that a CI server sees a file fail and pass again. What is
    no error stands in the output of a case that passes.
    """
    of_file: dict[str, list[Finding]] = {path: [] for path in files}
    for finding in findings:
        of_file.setdefault(finding.at.path, []).append(finding)
    failed = sum(any(map(_is_error, found)) for found in of_file.values())
    counts = f'tests="{len(of_file)}" failures="{failed}" errors="0"'
    return "\n".join(
        (
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<testsuites name="{_NAME}" {counts}>',
            f'  <testsuite name="{_NAME}" {counts} skipped="0">',
            *(_case(path, of_file[path], read) for path in sorted(of_file)),
            "  </testsuite>",
            "</testsuites>",
            "",
        )
    )


def _case(path: str, found: Sequence[Finding], read: Callable[[str], bytes | None]) -> str:
    start = f"    <testcase name={_quoted(path)} classname={_quoted(_NAME)}"
    if not found:
        return f"{start}/>"
    text = escape(_fit(report.text(found, read)))
    errors = [finding for finding in found if _is_error(finding)]
    if not errors:
        inside = f"<system-out>{text}</system-out>"
    else:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        said = _quoted(errors[0].message + more)
        inside = f"<failure type={_quoted(errors[0].rule)} message={said}>{text}</failure>"
    return f"{start}>\n      {inside}\n    </testcase>"


def _is_error(finding: Finding) -> bool:
    return finding.severity == "error"


def _quoted(text: str) -> str:
    return quoteattr(_fit(text))


def _fit(text: str) -> str:
    return _UNFIT.sub("�", text)
