"""The plan says what would run and why, writes nothing, and imports nothing of the steps."""

import subprocess
import sys
from pathlib import Path

from mlgitops.core.digests import hex_of
from mlgitops.core.plans import Execute, Plan
from mlgitops.flow.plan import plan
from mlgitops.report.plan import page, plan_json
from tests.flow.conftest import RunTiny, edit, seams_of, workspace


def planned(root: Path, **arguments: object) -> Plan:
    return plan(seams_of(root, []), workspace(root), root, **arguments)  # type: ignore[arg-type]


def reasons(root: Path, **arguments: object) -> dict[str, tuple[str, ...] | None]:
    """Step to why it would run, None where it is reused."""
    return {
        one.step: one.because if isinstance(one, Execute) else None
        for one in planned(root, **arguments)
    }


def test_before_the_first_run_everything_has_to_run(root: Path) -> None:
    assert reasons(root) == {
        "rows": ("no snapshot is pinned at pipelines/tiny/snapshots/rows.yaml",),
        "features": ("waits for rows",),
        "train": ("waits for features",),
    }
    assert not (root / ".mlgitops").exists()
    assert not (root / "pipelines/tiny/snapshots").exists()


def test_after_a_run_nothing_has_to(run_tiny: RunTiny, root: Path) -> None:
    run_tiny()
    assert reasons(root) == {"rows": None, "features": None, "train": None}
    assert page(planned(root)).splitlines()[-1] == "nothing to do: 3 steps are up to date"


def test_a_line_of_code_a_parameter_and_an_input_are_named(run_tiny: RunTiny, root: Path) -> None:
    run_tiny()
    edit(root, "features.py", "values[:keep]", "values[1:keep]")
    edit(root, "pipeline.yaml", "keep: 8", "keep: 9")
    assert reasons(root) == {
        "rows": None,
        "features": ("code of features.py changed", "param keep 8 → 9"),
        "train": ("waits for features",),
    }
    assert page(planned(root)) == (
        "step           action   because\n"
        "tiny.rows      reuse    nothing changed\n"
        "tiny.features  execute  code of features.py changed; param keep 8 → 9\n"
        "tiny.train     execute  waits for features\n"
        "\n"
        "1 step would run, 1 will be decided by what that gives, 1 up to date"
    )


def test_only_a_parameter_that_a_step_uses_runs_it(run_tiny: RunTiny, root: Path) -> None:
    run_tiny()
    edit(root, "pipeline.yaml", "seed: 7}", "seed: 8, unused: 1}")
    assert reasons(root) == {"rows": None, "features": None, "train": ("param seed 7 → 8",)}


def test_bytes_that_are_gone_are_named(run_tiny: RunTiny, root: Path) -> None:
    result = run_tiny()
    output = result.records["features"].outputs["test"]
    (root / ".mlgitops/store/blobs/sha256" / hex_of(output.digest)).unlink()
    assert reasons(root)["features"] == ("the bytes of test are gone",)


def test_a_source_that_changed_keeps_its_snapshot_and_says_so(
    run_tiny: RunTiny, root: Path
) -> None:
    run_tiny()
    edit(root, "sources.py", "< day", "<= day")
    rows = planned(root)[0]
    assert reasons(root) == {"rows": None, "features": None, "train": None}
    assert rows.notes == (
        "code of sources.py changed since its snapshot was taken;"
        " `mlgitops refresh tiny --source rows` takes a new one",
    )


def test_the_json_is_what_the_contract_says(run_tiny: RunTiny, root: Path) -> None:
    run_tiny()
    edit(root, "train.py", "'seed': seed", "'seed': -seed")
    steps = plan_json(planned(root))["steps"]  # type: ignore[index, call-overload]
    assert [(one["pipeline"], one["step"], one["action"], one["because"]) for one in steps] == [  # type: ignore[index, union-attr, call-overload]
        ("tiny", "rows", "reuse", ["nothing changed"]),
        ("tiny", "features", "reuse", ["nothing changed"]),
        ("tiny", "train", "execute", ["code of train.py changed"]),
    ]


def test_planning_imports_nothing_heavy_and_runs_no_code_of_the_steps(
    run_tiny: RunTiny, root: Path
) -> None:
    run_tiny()
    edit(root, "train.py", "def fit", "import pandas, sklearn\nopen('ran', 'w')\ndef fit")
    code = (
        "import sys\n"
        "from mlgitops.cli import main\n"
        "code = main(['plan'])\n"
        "heavy = {'pandas', 'numpy', 'pyarrow', 'sklearn', 'scipy', 'skops', 'onnx', 'jinja2'}\n"
        "print(code, sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert "code of train.py changed" in done.stdout
    assert done.stdout.splitlines()[-1] == "0 []"
    assert not (root / "ran").exists()
