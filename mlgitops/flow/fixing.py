"""``validate --fix``: apply what is certain, look again, and keep only what made a file better."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from mlgitops.core.errors import MlgitopsError
from mlgitops.core.findings import Finding
from mlgitops.core.fixes import apply
from mlgitops.core.rules import RULES
from mlgitops.core.trees import Tree
from mlgitops.files import write_whole

Look: TypeAlias = Callable[[Tree], tuple[Finding, ...]]

# A fix may bring to light what the next one is for: a key that is spelt right has a value.
ROUNDS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A file before and after its fixes, and the findings that they were for."""

    path: str
    before: bytes
    after: bytes
    fixed: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A file that stays as it is though something in it could be fixed, and why."""

    path: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixing:
    """What ``--fix`` does: ``left`` are the findings about the tree when it is done."""

    changes: tuple[Change, ...]
    kept: tuple[Kept, ...]
    left: tuple[Finding, ...]


def plan(
    tree: Tree,
    found: tuple[Finding, ...],
    look: Look,
    asked: Callable[[Finding], bool],
) -> Fixing:
    """Return what fixing comes to; nothing is written.

    ``look`` finds all that is wrong in a tree, and ``found`` is what it finds in this one. Fixed is
    what is ``asked`` for.
    """
    kept: dict[str, Kept] = {}

    def wanted(finding: Finding) -> bool:
        return finding.at.path not in kept and asked(finding)

    while True:
        changes, left, states = _rounds(tree, found, look, wanted)
        worse = [path for path in changes if state(left, path) >= states[path]]
        if not worse:
            return Fixing(changes=tuple(changes.values()), kept=tuple(kept.values()), left=left)
        why = "left alone: as much would be wrong with the fixes as without"
        kept.update({path: Kept(path=path, why=why) for path in worse})


def write(root: Path, tree: Tree, fixing: Fixing, look: Look) -> Fixing:
    """Write the changes; return what was done, with the files that could not be written as kept.

    A file that is not any more what was read is somebody else's, and stays as it is.
    """
    done, kept = [], list(fixing.kept)
    for change in fixing.changes:
        why = _write(root / change.path, tree, change)
        if why is None:
            done.append(change)
        else:
            kept.append(Kept(path=change.path, why=why))
    left = fixing.left if len(done) == len(fixing.changes) else look(tree)
    return Fixing(changes=tuple(done), kept=tuple(kept), left=left)


def _write(place: Path, tree: Tree, change: Change) -> str | None:
    """Return why the file was not written, or None."""
    try:
        mode = stat.S_IMODE(place.stat().st_mode)
        if not mode & 0o222:
            return "not written: the file is read-only"
        if tree.read(change.path) != change.before:
            return "not written: somebody else has changed it meanwhile"
        write_whole(place, change.after, mode=mode)
    except MlgitopsError as error:
        return f"not written: {error.message}"
    except OSError as error:
        return f"not written: {error.strerror}"
    return None


def _rounds(
    tree: Tree,
    found: tuple[Finding, ...],
    look: Look,
    asked: Callable[[Finding], bool],
) -> tuple[dict[str, Change], tuple[Finding, ...], dict[str, tuple[int, int, int]]]:
    """Return the changes by path, what is wrong after them, and each file's state before its own.

    That is not its state at first: what is wrong in a model is seen when its pipeline can be read.
    """
    changes: dict[str, Change] = {}
    states: dict[str, tuple[int, int, int]] = {}
    for _ in range(ROUNDS):
        fixable = [finding for finding in found if finding.fix is not None and asked(finding)]
        new = dict(_applied(tree, changes, fixable))
        if not new:
            break
        changes |= new
        states = {path: state(found, path) for path in new} | states
        found = look(_Changed(tree, {path: one.after for path, one in changes.items()}))
    return changes, found, states


def _applied(
    tree: Tree, changes: Mapping[str, Change], fixable: Iterable[Finding]
) -> Iterable[tuple[str, Change]]:
    """Yield (path, change) for each file in which a fix changes something."""
    by_path: dict[str, list[Finding]] = {}
    for finding in fixable:
        by_path.setdefault(finding.at.path, []).append(finding)
    for path, findings in by_path.items():
        known = changes.get(path)
        before = known.after if known is not None else tree.read(path)
        if before is None:
            continue
        text, used = apply(before.decode(), [f.fix for f in findings if f.fix is not None])
        after = text.encode()
        if after != before:
            yield (
                path,
                Change(
                    path=path,
                    before=before if known is None else known.before,
                    after=after,
                    fixed=(
                        *(() if known is None else known.fixed),
                        *(finding for finding in findings if finding.fix in used),
                    ),
                ),
            )


def state(findings: Iterable[Finding], path: str) -> tuple[int, int, int]:
    """Return how many findings are about a file, by where validate stops to look on.

    What is no YAML is not read as a spec, and what is no spec is not compared with others: a file
    is better off with less in the first place, whatever was hidden behind it.
    """
    rules = [finding.rule for finding in findings if finding.at.path == path]
    yaml = rules.count("yaml")
    between = sum(rule in RULES for rule in rules)
    return yaml, len(rules) - yaml - between, between


@dataclass(frozen=True, slots=True)
class _Changed:
    """A tree with other bytes in some of its files (see ``core.trees.Tree``)."""

    tree: Tree
    changes: Mapping[str, bytes]

    def paths(self, prefix: str = "") -> Iterable[str]:
        """See ``Tree.paths``."""
        return self.tree.paths(prefix)

    def links(self, prefix: str = "") -> Iterable[str]:
        """See ``Tree.links``."""
        return self.tree.links(prefix)

    def read(self, path: str, at_most: int | None = None) -> bytes | None:
        """See ``Tree.read``."""
        changed = self.changes.get(path)
        return self.tree.read(path, at_most) if changed is None else changed[:at_most]
