"""Make evaluation rows as an earlier release made them, from a later release's data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlgitops.core.digests import Digest
from mlgitops.core.errors import Refused
from mlgitops.core.releases import ReleaseDocument
from mlgitops.files import WorkTree, write_whole
from mlgitops.flow.evaluation import table
from mlgitops.flow.seams import Seams
from mlgitops.flow.workspaces import require

if TYPE_CHECKING:
    import pandas as pd


def same_recipe(one: ReleaseDocument, other: ReleaseDocument) -> bool:
    """Return whether both releases made their evaluation rows by the same code and parameters.

    Only the data may differ. Steps after the evaluation data (training) do not count.
    """
    return _recipe(one) == _recipe(other)


def _recipe(document: ReleaseDocument) -> dict[str, tuple[Digest | None, object, Digest | None]]:
    return {
        name: (step.code, step.params, step.lock)
        for name, step in document.lineage.steps.items()
        if name in document.lineage.evaluation_steps
    }


def evaluation_rows(
    seams: Seams, live: ReleaseDocument, candidate: ReleaseDocument
) -> pd.DataFrame:
    """Run the steps of ``live``'s commit, up to its evaluation data, on ``candidate``'s snapshots.

    Raises Refused when the commit is not here or its steps cannot run on that data any more.
    """
    from mlgitops.flow.checkout import Checkout
    from mlgitops.flow.run import artifact

    repository = seams.repository
    if repository.resolve(live.lineage.commit) is None:
        raise Refused(
            f"the commit of {live.version} is not in this clone", hint="fetch the whole history"
        )
    newer = repository.tree(candidate.lineage.commit)
    folder = f"pipelines/{candidate.lineage.pipeline}/snapshots"
    with seams.store.scratch() as scratch:
        root = scratch / "tree"
        root.mkdir()
        repository.export(live.lineage.commit, root)
        for path in newer.paths(folder):
            write_whole(root / path, newer.read(path) or b"")
        workspace = require(WorkTree(root))
        model = workspace.models[live.model].spec
        checkout = Checkout(seams=seams, workspace=workspace, root=root)
        made = artifact(checkout, model.pipeline, model.evaluation.data)
        return table(seams, made.digest)
