"""Doctor: what is missing on this machine and in this repository, and what to do about it."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Final

from mlgitops.core import diagnoses
from mlgitops.core.diagnoses import Diagnosis
from mlgitops.core.errors import GitError, MlgitopsError
from mlgitops.core.remotes import COLLECTING
from mlgitops.core.workspaces import Checked, load
from mlgitops.files import WorkTree
from mlgitops.flow.releases import heads
from mlgitops.flow.seams import Seams
from mlgitops.git.installed import version as git_version

# What pulls in what cannot be told from its own name.
_MODULES: Final = {
    "cyclonedx-python-lib": "cyclonedx",
    "protobuf": "google.protobuf",
    "scikit-learn": "sklearn",
}
_FOR: Final = {
    "ml": "to train, export and judge models",
    "serve": "to serve them",
}
_PLACEHOLDER: Final = b"@your-org/"
_CODEOWNERS: Final = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")


def machine() -> Iterator[Diagnosis]:
    """Yield what this machine has, whatever folder it stands in. Imports every library named."""
    yield diagnoses.python(sys.version_info[:3])
    yield diagnoses.git(git_version())
    for extra in _FOR:
        yield from _extra(extra)


def project(seams: Seams) -> Iterator[Diagnosis]:
    """Yield what this repository has."""
    checked = load(WorkTree(seams.repository.root))
    yield _specs(checked)
    yield _branch(seams)
    yield _remote(seams)
    yield from _clone(seams)
    yield _tags(seams, checked)
    yield from _store(seams)
    yield from _rules(checked)


def unusable(error: MlgitopsError) -> Diagnosis:
    """Return the diagnosis of a folder in which no command can work."""
    place = f"{error.at}: " if error.at else ""
    return Diagnosis(name="repository", state="fail", detail=place + error.message, hint=error.hint)


def _extra(extra: str) -> Iterator[Diagnosis]:
    name = f"extra {extra}"
    try:
        wanted = metadata.requires("mlgitops") or []
    except metadata.PackageNotFoundError:
        yield Diagnosis(
            name=name,
            state="warn",
            detail="not known: mlgitops is not installed as a package",
            hint="pip install mlgitops",
        )
        return
    found, broken = [], []
    for line in wanted:
        match = re.match(r"([\w.-]+).*extra == ['\"](\w+)['\"]", line)
        if match is None or match[2] != extra:
            continue
        distribution = match[1].lower()
        try:
            importlib.import_module(_MODULES.get(distribution, distribution.replace("-", "_")))
            found.append((distribution, metadata.version(distribution)))
        except (Exception, SystemExit) as error:
            # A library may fail in any way while it is imported; that is the finding.
            broken.append((distribution, error))
    if broken:
        listed = ", ".join(
            one if isinstance(error, ModuleNotFoundError) else f"{one} ({error})"
            for one, error in broken
        )
        yield Diagnosis(
            name=name,
            state="warn",
            detail=f"cannot import {listed}; it is needed {_FOR[extra]}",
            hint=f"pip install 'mlgitops[{extra}]'",
        )
    else:
        shown = ", ".join(f"{one} {version}" for one, version in found)
        yield Diagnosis(name=name, state="ok", detail=shown)
    for distribution, version in found:
        bad = diagnoses.known_bad(distribution, version)
        if bad is not None:
            yield Diagnosis(
                name=distribution,
                state="fail",
                detail=f"{version} {bad}",
                hint=f"pip install 'mlgitops[{extra}]' takes one that works",
            )


def _specs(checked: Checked) -> Diagnosis:
    errors = [finding for finding in checked.findings if finding.severity == "error"]
    if errors:
        first = errors[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        return Diagnosis(
            name="specs",
            state="fail",
            detail=f"{first.at}: {first.message}{more}",
            hint="mlgitops validate",
        )
    draft = checked.draft
    counts = {
        "pipeline": len(draft.pipelines),
        "model": len(draft.models),
        "environment": len(draft.environments),
        "pin": len(draft.pins),
    }
    told = ", ".join(f"{n} {what}{'' if n == 1 else 's'}" for what, n in counts.items())
    return Diagnosis(name="specs", state="ok", detail=told)


def _branch(seams: Seams) -> Diagnosis:
    repository = seams.repository
    try:
        base = repository.base(seams.branch)
    except GitError as error:
        return Diagnosis(name="branch", state="warn", detail=error.message, hint=error.hint)
    told = f"refs/remotes/{repository.remote}/HEAD"
    default = repository.run("symbolic-ref", "--quiet", told, accept=(0, 1, 128)).strip()
    name = default.removeprefix(told.removesuffix("HEAD"))
    if name and name != seams.branch:
        return Diagnosis(
            name="branch",
            state="warn",
            detail=f"mlgitops.yaml says {seams.branch!r}, {repository.remote} has {name!r}",
            hint="set defaults.branch in mlgitops.yaml",
        )
    return Diagnosis(name="branch", state="ok", detail=f"{seams.branch} at {base[:12]}")


def _remote(seams: Seams) -> Diagnosis:
    remote = seams.repository.remote
    if remote is not None:
        url = seams.repository.run("remote", "get-url", remote).strip()
        return Diagnosis(name="remote", state="ok", detail=f"{remote} is {_without_secret(url)}")
    several = seams.repository.run("remote").split()
    if several:
        return Diagnosis(
            name="remote",
            state="warn",
            detail=f"several, and none is called origin: {', '.join(several)}",
            hint=f"git remote rename {several[0]} origin",
        )
    return Diagnosis(
        name="remote",
        state="warn",
        detail="none: this clone is the only copy, and nobody sees its pull requests",
        hint="git remote add origin URL",
    )


def _without_secret(url: str) -> str:
    return re.sub(r"//[^/@]+@", "//***@", url)


def _clone(seams: Seams) -> Iterator[Diagnosis]:
    repository = seams.repository
    if repository.shallow():
        yield Diagnosis(
            name="history",
            state="warn",
            detail="cut off (a shallow clone): `history` sees only its end",
            hint="git fetch --unshallow",
        )
    person = repository.identity()
    if person["GIT_AUTHOR_EMAIL"] == "mlgitops@localhost":
        yield Diagnosis(
            name="identity",
            state="warn",
            detail="git knows no name for you; what you do will be signed mlgitops",
            hint="git config --global user.name NAME; git config --global user.email EMAIL",
        )
    else:
        shown = f"{person['GIT_AUTHOR_NAME']} <{person['GIT_AUTHOR_EMAIL']}>"
        yield Diagnosis(name="identity", state="ok", detail=shown)
    if repository.run("check-ignore", ".mlgitops/x", accept=(0, 1)).strip() == "":
        yield Diagnosis(
            name="ignored",
            state="warn",
            detail="git does not ignore .mlgitops/, so the work tree is never clean",
            hint="echo /.mlgitops/ >> .gitignore",
        )


def _tags(seams: Seams, checked: Checked) -> Diagnosis:
    known = {(one.model, str(one.version)) for one in heads(seams.repository)}
    pins = [pin.spec for pin in checked.draft.pins]
    missing = sorted({(pin.model, pin.version) for pin in pins} - known)
    if missing:
        listed = ", ".join(f"{model}@v{version}" for model, version in missing)
        return Diagnosis(
            name="tags",
            state="warn",
            detail=f"pinned, and not here: {listed}",
            hint="git fetch --tags",
        )
    count = len(known)
    return Diagnosis(name="tags", state="ok", detail=f"{count} release{'' if count == 1 else 's'}")


def _store(seams: Seams) -> Iterator[Diagnosis]:
    try:
        with seams.store.scratch():
            pass
    except (MlgitopsError, OSError) as error:
        hint = error.hint if isinstance(error, MlgitopsError) else None
        yield Diagnosis(
            name="store",
            state="fail",
            detail=f"cannot be written: {error}",
            hint=hint or "is the disk full or read-only?",
        )
        return
    yield Diagnosis(name="store", state="ok", detail="can be written")
    yield from _shared(seams)
    absent = [
        f"{one.model}@v{one.version}"
        for one in heads(seams.repository)
        if not seams.store.has(one.digest)
    ]
    if absent:
        yield Diagnosis(
            name="bytes",
            state="warn",
            detail=f"not in this store: {', '.join(absent)}",
            hint="`mlgitops push` where they were released; or set MLGITOPS_STORE to that store",
        )
    elif seams.remote is None:
        yield Diagnosis(
            name="bytes",
            state="warn",
            detail="no remote store is used: what is released exists on this machine only",
            hint="mlgitops.yaml: `store: {remote: …}`; or back up .mlgitops/store",
        )


def _shared(seams: Seams) -> Iterator[Diagnosis]:
    """Yield whether each remote answers, and what writes there would meet."""
    for name, remote in (("remote store", seams.remote), ("previews", seams.previews)):
        if remote is None:
            continue
        try:
            remote.manifest(COLLECTING)
        except MlgitopsError as error:
            yield Diagnosis(name=name, state="fail", detail=error.message, hint=error.hint)
        else:
            yield Diagnosis(name=name, state="ok", detail=f"{remote.place} answers")


def _rules(checked: Checked) -> Iterator[Diagnosis]:
    for one in checked.draft.projects:
        kind, rules = one.spec.forge.type, one.spec.forge.rules
        if kind != "local":
            yield Diagnosis(
                name="forge",
                state="fail",
                detail=f"this version opens and reads no pull requests on {kind} yet",
                hint="write 'forge: {type: local}' for pull requests in the repository's own refs",
            )
            continue
        listed = ", ".join(rules.checks) or "no check"
        yield Diagnosis(
            name="forge",
            state="ok",
            detail=f"{kind}: {rules.approvals} approvals, {listed}; these rules bind"
            " `mlgitops pulls merge`, a direct push passes them by",
        )
    for path in _CODEOWNERS:
        owners = checked.draft.tree.read(path)
        if owners is not None and _PLACEHOLDER in owners:
            yield Diagnosis(
                name="owners",
                state="warn",
                detail=f"{path} still names {_PLACEHOLDER.decode()}…, which nobody is",
                hint="write your own people or teams there",
            )
