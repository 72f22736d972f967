"""The only package that runs git: GitPython for what writes, plain plumbing for reading.

Nothing here touches the caller's index, work tree, HEAD or stash, except ``Repository.publish``
without a remote, which moves a checked-out branch forward as ``git merge --ff-only`` does.
"""

from mlgitops.git.batches import Standing
from mlgitops.git.calls import ABSENT
from mlgitops.git.reading import CommitTree, LogEntry, Tag
from mlgitops.git.sharing import KEPT, Published, RefUpdate, Repository, Stale
from mlgitops.git.tags import TagSignature

__all__ = [
    "ABSENT",
    "KEPT",
    "CommitTree",
    "LogEntry",
    "Published",
    "RefUpdate",
    "Repository",
    "Stale",
    "Standing",
    "Tag",
    "TagSignature",
]
