"""A commit whose specs were found without errors: of them only what one model needs is read again.

Hundreds of specs and every rule take half a second, and a commit never changes.
"""

from __future__ import annotations

from typing import cast

from mlgitops.core.digests import JSON
from mlgitops.core.drafts import PROJECT_FILE, folder, read_draft
from mlgitops.core.workspaces import Workspace, workspace_of
from mlgitops.files import WorkTree
from mlgitops.files.memory import Memory, maker
from mlgitops.flow.checkout import Checkout
from mlgitops.flow.choosing import widest
from mlgitops.flow.seams import Seams
from mlgitops.flow.workspaces import require


def checkout_of(seams: Seams, commit: str, model: str) -> Checkout:
    """Return the work tree, which is as ``commit`` has it, with the specs that ``model`` needs.

    With all specs when this commit was not looked at before, or has no such model. Raises what
    ``require`` does.
    """
    root = seams.repository.root
    memory = Memory(seams.repository.git_dir, "checked", maker(), commit)
    known = cast("dict[str, JSON] | None", memory.recall())
    models = cast("dict[str, list[str]]", known["models"]) if known else {}
    if known is not None and model in models:
        part = _part(WorkTree(root), models[model])
        if part is not None:
            return Checkout(
                seams=seams, workspace=part, root=root, widest=cast(int, known["widest"])
            )
    workspace = require(WorkTree(root))
    paths: dict[str, JSON] = {
        name: [one.path, workspace.pipelines[one.spec.pipeline].path]
        for name, one in workspace.models.items()
    }
    memory.keep({"models": paths, "widest": widest(workspace)})
    return Checkout(seams=seams, workspace=workspace, root=root)


def _part(tree: WorkTree, paths: list[str]) -> Workspace | None:
    places = {f"pipelines/{folder(path)}/snapshots" for path in paths}
    pins = (path for place in places for path in tree.paths(place))
    draft, findings = read_draft(tree, frozenset({PROJECT_FILE, *paths, *pins}))
    return workspace_of(draft) if not findings else None
