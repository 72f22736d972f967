"""Render: pins → manifests. What is in git is compared with what the pins and templates give."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mlgitops.core.comparing import differences
from mlgitops.core.digests import Digest
from mlgitops.core.errors import Refused, SpecError, UsageError
from mlgitops.core.findings import Finding, did_you_mean, in_order
from mlgitops.core.marks import Mark
from mlgitops.core.pins import pin_path, rendered_folder
from mlgitops.core.releases import ReleaseDocument
from mlgitops.core.templates import Template, files
from mlgitops.core.trees import Tree
from mlgitops.core.workspaces import Workspace
from mlgitops.files import WorkTree, write_whole
from mlgitops.flow.seams import Seams
from mlgitops.flow.workspaces import require
from mlgitops.target import Target

RULE: Final = "rendered-matches-pin"
_RENDERED: Final = re.compile(r"environments/([^/]+)/rendered/.+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What ``render`` did to the work tree, as paths."""

    written: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]


def manifests(
    workspace: Workspace, targets: Mapping[str, Target], environment: str | None = None
) -> dict[str, bytes]:
    """Return the manifests (path to bytes) of all pins, or of those of one environment.

    Raises SpecError for a template that does not render, for a model that cannot run in such a
    place, and when no manifest names the digest.
    """
    found: dict[str, bytes] = {}
    for (place, model), pin in sorted(workspace.pins.items()):
        if environment in (None, place) and place in workspace.environments:
            digest = Digest(pin.spec.digest)
            found |= _manifests(workspace, targets, place, model, pin.spec.version, digest)
    return found


def manifests_of(
    workspace: Workspace,
    targets: Mapping[str, Target],
    environment: str,
    release: ReleaseDocument,
) -> dict[str, bytes]:
    """Return the manifests (path to bytes) of one release in one environment, pinned or not.

    Raises SpecError as ``manifests`` does.
    """
    version = str(release.version)
    return _manifests(workspace, targets, environment, release.model, version, release.digest)


def render(seams: Seams, environment: str | None = None) -> Rendered:
    """Make the work tree's manifests what its pins say; remove those that no pin explains."""
    root = seams.repository.root
    tree = WorkTree(root)
    expected = _expected(seams.targets, tree, environment)
    changed = [path for path, data in expected.items() if tree.read(path) != data]
    for path in changed:
        if not (root / path).parent.resolve().is_relative_to(root.resolve()):
            raise Refused(
                "a symbolic link leads out of the repository",
                hint="remove the link: manifests are files of the repository",
                at=Mark(path=path),
            )
    written, removed = [], []
    for path in changed:
        data = expected[path]
        if data is None:
            (root / path).unlink(missing_ok=True)
            removed.append(path)
        else:
            write_whole(root / path, data)
            written.append(path)
    unchanged = tuple(path for path in expected if path not in changed)
    return Rendered(written=tuple(written), removed=tuple(removed), unchanged=unchanged)


def check(seams: Seams, environment: str | None = None) -> tuple[Finding, ...]:
    """Return one finding for each manifest of the work tree that is missing, different or extra."""
    tree = WorkTree(seams.repository.root)
    expected = _expected(seams.targets, tree, environment)
    hint = f"mlgitops render {environment}" if environment else "mlgitops render"
    return in_order(differences(RULE, expected, tree, hint=hint))


def _expected(
    targets: Mapping[str, Target], tree: Tree, environment: str | None
) -> dict[str, bytes | None]:
    """Return what ``tree`` ought to hold; None for what stands there and no pin explains."""
    workspace = require(tree)
    known = workspace.environments
    if environment is not None and environment not in known:
        raise UsageError(
            f"there is no environment {environment!r}",
            hint=did_you_mean(environment, known) or f"there are: {', '.join(sorted(known))}",
        )
    expected: dict[str, bytes | None] = dict(manifests(workspace, targets, environment))
    for path in tree.paths("environments"):
        match = _RENDERED.fullmatch(path)
        if match is not None and environment in (None, match[1]):
            expected.setdefault(path, None)
    return expected


def _manifests(
    workspace: Workspace,
    targets: Mapping[str, Target],
    environment: str,
    model: str,
    version: str,
    digest: Digest,
) -> dict[str, bytes]:
    located = workspace.environments[environment]
    spec = located.spec.target
    target = targets[spec.type]
    try:
        values = target.values(spec, model)
    except SpecError as error:
        at = located.mark("target")
        raise SpecError(error.message, hint=error.hint, at=at) from None
    renderer = workspace.project.spec.renderer
    made = files(
        _templates(target, spec.type, workspace),
        {
            **values,
            "environment": environment,
            "model": model,
            "version": version,
            "digest": digest,
            "renderer": renderer,
        },
        header=f"# Generated by mlgitops (renderer: {renderer}) from {pin_path(environment, model)}"
        " by `mlgitops render`. Do not edit.",
    )
    if not any(f"@{digest}".encode() in data for data in made.values()):
        raise SpecError(
            f"no manifest of {model!r} in {environment!r} names the model as @{digest}",
            hint="name it by {{ digest }} in a template: a tag may move, a digest cannot",
            at=Mark(path=f"environments/templates/{spec.type}"),
        )
    folder = rendered_folder(environment, model)
    return {f"{folder}/{name}": data for name, data in made.items()}


def _templates(target: Target, kind: str, workspace: Workspace) -> dict[str, Template]:
    """Return the built-in templates under the repository's own, which replace them by name."""
    builtin = f"mlgitops/target/templates/{kind}"
    found = {
        name: Template(path=f"{builtin}/{name}.j2", text=text)
        for name, text in target.templates().items()
    }
    for key, text in workspace.templates.items():
        place, _, name = key.partition("/")
        if place == kind and name:
            path = f"environments/templates/{key}"
            found[name.removesuffix(".j2")] = Template(path=path, text=text)
    return found
