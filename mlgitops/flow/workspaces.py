"""The workspace that every verb starts from; a repository with errors is refused here, once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NoReturn

from mlgitops.core.drafts import PROJECT_FILE, Draft, read_draft
from mlgitops.core.errors import Refused, SpecError, UsageError
from mlgitops.core.findings import Finding, did_you_mean
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.models import Model
from mlgitops.core.trees import Tree
from mlgitops.core.workspaces import Workspace, load


def require(tree: Tree) -> Workspace:
    """Return the workspace of ``tree``.

    Raises Refused, with the first findings, when it has errors, and SpecError when one of them is
    that a file cannot be read as YAML.
    """
    checked = load(tree)
    if checked.workspace is None:
        _refuse(checked.findings)
    return checked.workspace


def require_part(tree: Tree, wanted: Callable[[str], bool]) -> Draft:
    """Return the specs whose path is ``wanted``; when one is unreadable it raises as ``require``.

    No rule is asked: what somebody broke elsewhere does not hide what runs where.
    """
    draft, findings = read_draft(tree, frozenset(filter(wanted, _paths(tree))))
    if any(finding.severity == "error" for finding in findings):
        _refuse(findings)
    return draft


def model_of(workspace: Workspace, name: str) -> Located[Model]:
    """Return a model's spec; UsageError with a did-you-mean when there is none."""
    found = workspace.models.get(name)
    if found is None:
        known = sorted(workspace.models)
        raise UsageError(
            f"there is no model {name!r}",
            hint=did_you_mean(name, known) or f"there are: {', '.join(known)}",
        )
    return found


def _paths(tree: Tree) -> Iterator[str]:
    yield PROJECT_FILE
    yield from tree.paths("environments")
    yield from tree.paths("pipelines")


def _refuse(findings: Iterable[Finding]) -> NoReturn:
    wrong = [finding for finding in findings if finding.severity == "error"]
    # What cannot be read hides what else there may be.
    errors = sorted(wrong, key=lambda finding: finding.rule != "yaml")
    shown = [f"{f.at}: {f.message}" for f in errors[:3]]
    if len(errors) > len(shown):
        shown.append(f"and {len(errors) - len(shown)} more")
    count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
    unreadable = any(finding.rule == "yaml" for finding in errors)
    raise (SpecError if unreadable else Refused)(
        "\n  ".join((f"the specs have {count}:", *shown)),
        hint="'mlgitops validate' shows all of them with the lines",
    )
