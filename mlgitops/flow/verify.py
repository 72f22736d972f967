"""Verify: recompute what a tree or a pull request claims, and name what cannot be checked."""

from __future__ import annotations

from collections.abc import Iterator

from mlgitops.core.comparing import differences
from mlgitops.core.errors import MlgitopsError
from mlgitops.core.findings import Finding, in_order
from mlgitops.core.marks import Mark
from mlgitops.core.pins import pin_bytes, pin_path
from mlgitops.core.releases import Release
from mlgitops.core.trees import Tree
from mlgitops.core.workspaces import Workspace
from mlgitops.files import WorkTree
from mlgitops.flow.assess import assess
from mlgitops.flow.checks import checks_for
from mlgitops.flow.provenance import trusted
from mlgitops.flow.recompute import recompute, recorded_predictions
from mlgitops.flow.releases import releases
from mlgitops.flow.render import check as check_rendered
from mlgitops.flow.seams import Seams
from mlgitops.flow.workspaces import require
from mlgitops.forge import PullRequest

PIN = "mlgitops/pin"
RECORD = "mlgitops/record"
_TOOL = "the tool writes this file: undo the edit, or promote again"


def verify_pull(seams: Seams, number: int) -> PullRequest:
    """Recompute every check of a pull request on its head, and publish them."""
    pull = seams.forge.get(number)
    return seams.forge.check(number, checks_for(seams, pull), commit=pull.head_commit)


def verify(seams: Seams) -> tuple[Finding, ...]:
    """Return what is wrong in the work tree: manifests, pins, releases, promotion records."""
    tree = WorkTree(seams.repository.root)
    workspace = require(tree)
    found: list[Finding] = [*check_rendered(seams)]
    pinned = sorted({model for _, model in workspace.pins})
    known = {
        (one.model, str(one.version)): one
        for model in pinned
        for one in releases(seams.repository, model)
    }
    recomputed: set[str] = set()
    by = trusted(workspace)
    for (environment, model), pin in sorted(workspace.pins.items()):
        release = known.get((model, pin.spec.version))
        if release is None:
            found.append(_unknown(seams, environment, model, pin.spec.version))
            continue
        wanted = pin_bytes(model, release.version, release.digest)
        found += differences(PIN, {pin_path(environment, model): wanted}, tree, hint=_TOOL)
        if release.tag not in recomputed:
            recomputed.add(release.tag)
            seams.say(f"recomputing {release.tag} …")
            found += recompute(seams, release, by)
        found += _record(seams, workspace, environment, release)
    found += _old_records(seams, tree)
    return in_order(found)


def _unknown(seams: Seams, environment: str, model: str, version: str) -> Finding:
    tag = f"{model}@v{version}"
    if seams.repository.resolve(f"refs/tags/{tag}") is not None:
        return Finding(
            rule=PIN,
            message=f"the tag {tag} is here, and carries no document of that release",
            hint=f"somebody moved or made it by hand: compare `git ls-remote --tags` and"
            f" `git show {tag}`",
            at=Mark(path=pin_path(environment, model)),
        )
    return Finding(
        rule=PIN,
        severity="unknown",
        message=f"no tag of {model} {version} is in this clone: nothing can be recomputed",
        hint="git fetch --tags",
        at=Mark(path=pin_path(environment, model)),
    )


def _record(
    seams: Seams, workspace: Workspace, environment: str, release: Release
) -> Iterator[Finding]:
    """Derive the newest record again, by the policy that stood when it was made."""
    tree = workspace.tree
    folder = f"environments/{environment}/records/{release.model}"
    paths = sorted(tree.paths(folder))
    if not paths:
        message = f"no record explains why {environment} runs {release.version}"
        yield Finding(
            rule=RECORD,
            message=message,
            hint="pins are changed by `mlgitops promote` and `mlgitops rollback` only",
            at=Mark(path=pin_path(environment, release.model)),
        )
        return
    path = paths[-1]
    made = seams.repository.log("HEAD", path)
    if not made or not made[-1].parents:
        message = "no commit of this clone made this record: it cannot be derived again"
        yield Finding(rule=RECORD, severity="unknown", message=message, at=Mark(path=path))
        return
    try:
        base = require(seams.repository.tree(made[-1].parents[0]))
        rollback = b'"action": "rollback"' in (tree.read(path) or b"")
        derived = assess(
            seams,
            base,
            environment,
            release,
            action="rollback" if rollback else "promote",
            scored=recorded_predictions(tree, environment, release.model),
        )
    except MlgitopsError as error:
        message = f"cannot be derived again: {error.message}"
        yield Finding(rule=RECORD, message=message, hint=error.hint, at=Mark(path=path))
        return
    if derived.record != path:
        message = f"is not the record of what is pinned; that would be {derived.record}"
        yield Finding(rule=RECORD, message=message, hint=_TOOL, at=Mark(path=path))
        return
    yield from differences(RECORD, {path: derived.files[path]}, tree, hint=_TOOL)


def _old_records(seams: Seams, tree: Tree) -> Iterator[Finding]:
    """Records are written once: each must be what the commit that added it says."""
    repository = seams.repository
    head = repository.resolve("HEAD")
    if head is None:
        return
    committed = repository.tree(head)
    paths = [path for path in tree.paths("environments") if "/records/" in path]
    gone = [
        path
        for path in committed.paths("environments")
        if "/records/" in path and tree.read(path) is None
    ]
    for path in paths:
        made = repository.log(head, path)
        if len(made) > 1:
            first = repository.tree(made[-1].commit)
            yield from differences(RECORD, {path: first.read(path)}, tree, hint=_TOOL)
        elif made and tree.read(path) != committed.read(path):
            yield from differences(RECORD, {path: committed.read(path)}, tree, hint=_TOOL)
    for path in gone:
        yield Finding(rule=RECORD, message="is gone", hint=_TOOL, at=Mark(path=path))
