"""What a verb may touch: the repository, the seams, the clock, a way to say what it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Types alone: a plan does not wait for the forge and the targets.
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from mlgitops.core.digests import Digest
    from mlgitops.core.events import Event
    from mlgitops.core.promotions import Page
    from mlgitops.core.provenance import Builder
    from mlgitops.core.records import Record
    from mlgitops.executor import Executor
    from mlgitops.forge import Forge
    from mlgitops.git import Repository
    from mlgitops.signing import Signer
    from mlgitops.store import Store
    from mlgitops.store.remote import Remote
    from mlgitops.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Seams:
    """Made by ``wiring`` alone. ``clock`` answers in UTC; ``say`` shows one line of progress,
    ``watch`` what happens in a run.

    ``page`` writes the body of a promotion's pull request. ``branch``: the one that everybody
    shares. ``python``: the interpreter that steps run with. ``ci``: nobody is there to answer;
    ``ci_page``: where people see that job. ``builder``: who
    this is, as a release says it; ``signer`` signs that, where signing is set up.

    ``remote``: where the bytes are shared; ``previews``: where results are that nobody vouches for.
    ``share`` takes the key and the record of each step that ran.
    """

    repository: Repository
    store: Store
    forge: Forge
    executor: Executor
    targets: Mapping[str, Target]
    clock: Callable[[], datetime]
    say: Callable[[str], None]
    watch: Callable[[Event], None]
    page: Callable[[Page], str]
    branch: str
    python: str
    builder: Builder
    signer: Signer | None = None
    ci: bool = False
    ci_page: str | None = None
    remote: Remote | None = None
    previews: Remote | None = None
    share: Callable[[Digest, Record], None] | None = None
