"""The workspace that every verb starts from; a repository with errors is refused here, once."""

from __future__ import annotations

from mlgitops.core.errors import Refused, SpecError
from mlgitops.core.trees import Tree
from mlgitops.core.workspaces import Workspace, load


def require(tree: Tree) -> Workspace:
    """Return the workspace of ``tree``.

    Raises Refused, with the first findings, when it has errors, and SpecError when one of them is
    that a file cannot be read as YAML.
    """
    checked = load(tree)
    if checked.workspace is not None:
        return checked.workspace
    wrong = [finding for finding in checked.findings if finding.severity == "error"]
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
