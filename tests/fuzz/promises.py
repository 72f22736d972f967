"""What has to hold for any files at all."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from xml.etree import ElementTree

from mlgitops.core.errors import MlgitopsError
from mlgitops.core.findings import Finding
from mlgitops.core.sources import MAX_BYTES
from mlgitops.core.trees import MemoryTree, excerpts
from mlgitops.core.workspaces import Workspace, load
from mlgitops.flow.plan import plan
from mlgitops.flow.scopes import specs
from mlgitops.flow.seams import Seams
from mlgitops.report import findings as report
from mlgitops.report.github import commands
from mlgitops.report.junit import junit
from mlgitops.report.sarif import sarif

_ENDS = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
_MAY_BE_MISSING = {"project-exists", "environment-exists", "pipeline-exists"}


def keep(files: Mapping[str, bytes], seams: Seams) -> None:
    """Assert every promise of validate for ``files``; ``seams``: a repository to plan in."""
    tree = MemoryTree(files)
    checked = load(tree)
    assert load(tree).findings == checked.findings, "the same files gave other findings"
    for finding in checked.findings:
        _has_a_place(finding, files)
        _is_said_well(finding)
    places = [(f.at.path, f.at.line, f.at.column) for f in checked.findings]
    assert places == sorted(places), "not in order"
    _can_be_shown(checked.findings, tree)
    if checked.workspace is None:
        assert any(finding.severity == "error" for finding in checked.findings)
    else:
        _can_be_planned(checked.workspace, seams)


def _has_a_place(finding: Finding, files: Mapping[str, bytes]) -> None:
    for at in (finding.at, *(place for place, _ in finding.related)):
        if at.path not in files:
            assert at.path == "mlgitops.yaml" or at.path in finding.message, f"no such file: {at}"
            continue
        lines = len(_ENDS.split(files[at.path].decode("utf-8", "replace")))
        assert 1 <= at.line <= lines + 1, f"{at} of {lines} lines: {finding.message}"
        assert at.column >= 1 and at.length >= 1, f"{at} {at.length}: {finding.message}"


def _is_said_well(finding: Finding) -> None:
    for text in (finding.message, finding.hint, *(text for _, text in finding.related)):
        assert text is None or (text and text.isprintable()), repr(text)
        assert text is None or len(text) < 3000


def _can_be_shown(findings: tuple[Finding, ...], tree: MemoryTree) -> None:
    read = excerpts(tree, MAX_BYTES)
    page = report.text(findings, read)
    assert page and page.replace("\n", "").isprintable()
    assert len(json.loads(json.dumps(report.to_json(findings)))["findings"]) == len(findings)
    for line in commands(findings).splitlines():
        assert line.startswith("::")
    json.dumps(sarif(findings, read)).encode()
    ElementTree.fromstring(junit(findings, specs(tree, ()), read))


def _can_be_planned(workspace: Workspace, seams: Seams) -> None:
    try:
        plan(seams, workspace, seams.repository.root)
    except MlgitopsError as error:
        # The files are in memory, and not where a plan looks for code and snapshots.
        assert error.message
