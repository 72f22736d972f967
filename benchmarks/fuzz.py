"""Try files that nobody wrote on purpose: never a traceback, always a place.

Half of the cases are made from the grammar of the specs, half are real repositories with other
bytes (tests/fuzz). What fails is made as small as it gets and printed, to be tried again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from mlgitops import settings as door
from mlgitops import wiring
from mlgitops.flow.seams import Seams
from mlgitops.git.installed import create
from tests.fuzz.projects import BASE, Files, generated, mutated
from tests.fuzz.promises import keep


@dataclass(slots=True)
class Tally:
    """How many cases were tried, the slowest of them (seconds), and what failed last."""

    cases: int = 0
    slowest: float = 0.0
    slowest_files: Files = field(default_factory=dict)
    failing: Files = field(default_factory=dict)

    def tried(self, files: Files, seams: Seams) -> None:
        """Try one case; whatever is raised goes on."""
        started = time.perf_counter()
        try:
            keep(files, seams)
        except BaseException:
            self.failing = files
            raise
        spent = time.perf_counter() - started
        self.cases += 1
        if spent > self.slowest:
            self.slowest, self.slowest_files = spent, files


def changed(files: Files) -> str:
    """Return the files that are not those of the good repository, as Python writes them."""
    return "\n".join(
        f"  {path}: {data!r}" for path, data in sorted(files.items()) if BASE.get(path) != data
    )


def run(
    strategy: SearchStrategy[Files], cases: int, number: int, seams: Seams, tally: Tally
) -> str | None:
    """Try ``cases``; return what failed, with the smallest files that make it fail."""

    @seed(number)
    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        print_blob=False,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(files=strategy)
    def tries(files: Files) -> None:
        tally.tried(files, seams)

    call: Callable[[], None] = tries
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}\n{changed(tally.failing)}"
    return None


def main() -> int:
    """Run and report; 1 when a promise was not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    args = parser.parse_args()
    tally, failures = Tally(), []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        create(root, "main")
        for path, data in BASE.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
        seams = wiring.seams(door.read(root), say=lambda line: None)
        started = time.perf_counter()
        for strategy in (generated(), mutated()):
            failed = run(strategy, args.cases // 2, args.seed, seams, tally)
            failures += [failed] if failed else []
        spent = time.perf_counter() - started
    rate = tally.cases / spent
    if args.json:
        numbers = {"cases": tally.cases, "seconds": spent, "rate": rate, "slowest": tally.slowest}
        print(json.dumps({**numbers, "failures": failures}))
    else:
        print(f"{tally.cases:,} cases in {spent:.0f} s: {rate:.0f} a second")
        print(f"the slowest took {tally.slowest * 1000:.0f} ms:\n{changed(tally.slowest_files)}")
        for failed in failures:
            print(f"\nFAILED\n{failed}")
        print(f"\n{len(failures)} failures" if failures else "\nevery promise was kept")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
