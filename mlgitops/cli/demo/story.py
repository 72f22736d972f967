"""The story: its stages in their order, told one after the other, and what they came to."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

from mlgitops.cli.demo import changing, guarding, shipping
from mlgitops.cli.demo.commands import Processes
from mlgitops.cli.demo.people import FOLDER, MODEL, Story
from mlgitops.cli.demo.scratch import prepare
from mlgitops.core.errors import MlgitopsError

if TYPE_CHECKING:
    from mlgitops.report.tables import Paint


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of the story. ``run`` raises Broken when a claim of it does not hold."""

    title: str
    run: Callable[[Story], None]


STAGES: Final = (
    Stage(title="Look whether the specs make sense", run=shipping.validate),
    Stage(title="Run the pipeline, and run it again", run=shipping.run),
    Stage(title="Release the model", run=shipping.release),
    Stage(title="Promote it to dev, staging and prod", run=shipping.promote),
    Stage(title="See what runs where", run=shipping.status),
    Stage(title="Serve prod and ask it", run=shipping.serve),
    Stage(title="Change one feature", run=changing.propose),
    Stage(title="Ship the better model", run=changing.ship),
    Stage(title="Nine months go by", run=changing.months),
    Stage(title="Watch it get worse", run=changing.monitor),
    Stage(title="Retrain by pull request", run=changing.retrain),
    Stage(title="Ship the retrained model", run=changing.ship_retrained),
    Stage(title="Refuse a bad release", run=guarding.refuse),
    Stage(title="Roll back", run=guarding.roll_back),
    Stage(title="Check every claim from a clean clone", run=guarding.verify),
)


def play(
    folder: Path,
    example: Path,
    *,
    paint: Paint,
    write: Callable[[str], None],
    stages: Sequence[Stage] = STAGES,
) -> bool:
    """Tell the story in ``folder``, which is empty, with the example from the checkout ``example``.

    Return whether every stage did what it claims. What a stage left running is stopped, and waited
    for, however this ends: also by ^C, and by the signals of a CI that gives up.
    """
    asked = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, _interrupt) for number in asked}
    try:
        with ExitStack() as stack:
            processes = Processes()
            story = Story(
                scratch=folder, paint=paint, stack=stack, processes=processes, print=write
            )
            story.write(f"The story takes place in {folder}")
            prepare(story, example, FOLDER)
            return tell(story, stages)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def tell(story: Story, stages: Sequence[Stage]) -> bool:
    """Tell the stages; return whether each did what it claims. The first that did not is named."""
    told: list[tuple[str, float]] = []
    for number, stage in enumerate(stages, start=1):
        story.write("")
        head = f"── {number}/{len(stages)} · {stage.title} "
        story.write(story.paint(head.ljust(78, "─"), "bold"))
        start = time.monotonic()
        try:
            stage.run(story)
        except (MlgitopsError, OSError) as error:
            _broke(story, number, stage, error)
            return False
        seconds = time.monotonic() - start
        told.append((stage.title, seconds))
        story.write(story.paint(f"  {seconds:.1f} s", "dim"))
    _summary(story, told)
    return True


def _broke(story: Story, number: int, stage: Stage, error: Exception) -> None:
    story.write("")
    story.write(story.paint(f"  ✗ stage {number}, {stage.title!r}, broke off:", "bad"))
    text = error.message if isinstance(error, MlgitopsError) else str(error)
    story.show(text)
    story.show(f"everything is left as it was then in {story.scratch}; demo.log has every command")


def _summary(story: Story, told: Sequence[tuple[str, float]]) -> None:
    story.write("")
    story.write(story.paint("── The story in short ".ljust(78, "─"), "bold"))
    width = max(len(title) for title, _ in told)
    for number, (title, seconds) in enumerate(told, start=1):
        story.show(f"{number:>2}  {title:<{width}}  {seconds:>6.1f} s")
    story.show(f"    {'together':<{width}}  {sum(seconds for _, seconds in told):>6.1f} s")
    peak = _largest()
    if peak:
        story.show(f"    the largest process took {peak} MB of memory")
    story.say(f"It is all still there, in {story.scratch}. Look around:")
    beside = Path(sys.executable).with_name("mlgitops")
    path = f' PATH="{beside.parent}:$PATH"' if beside.exists() else ""
    story.show(f"cd {story.dana.clone}; export MLGITOPS_STORE={story.store}{path}")
    for command in (
        f"mlgitops history {MODEL}",
        f"mlgitops lineage {MODEL}",
        "git log --first-parent --stat origin/main -- environments",
    ):
        story.show(story.paint(command, "bold"))


def _largest() -> int | None:
    """Return the memory, in MB, of the largest process that has ended; None where nobody counts."""
    try:
        import resource
    except ImportError:
        return None
    size = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return size // (1_000_000 if sys.platform == "darwin" else 1_000)
