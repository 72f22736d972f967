"""`hermetic: strict`: what a step uses and does not declare ends it; otherwise it is a note."""

from pathlib import Path

import pytest

from mlgitops.core.errors import StepFailed
from tests.flow.conftest import RunTiny, actions, edit
from tests.support import write

USES = (
    "    import os\n"
    "    open(__file__[:-11] + 'weights.json')\n"
    "    os.environ.get('REGION')\n"
    "    values ="
)


@pytest.fixture
def sloppy(root: Path) -> Path:
    """A step that reads a file and looks for a variable, and declares neither."""
    write(root, {"pipelines/tiny/weights.json": "[1, 2]"})
    edit(root, "features.py", "    values =", USES)
    return root


def test_a_strict_step_fails_with_the_lines_and_the_fix(run_tiny: RunTiny, sloppy: Path) -> None:
    strict(sloppy)
    for _ in range(2):  # the result is not kept
        with pytest.raises(StepFailed) as caught:
            run_tiny()
        assert caught.value.message == (
            "tiny.features used what it does not declare, and 'hermetic' is strict:"
            " its result is not kept (undeclared-input)\n\n"
            "  pipelines/tiny/weights.json at pipelines/tiny/features.py:6\n"
            "  $REGION at pipelines/tiny/features.py:7"
        )
        assert caught.value.hint == (
            "declare it, and take it as an argument: inputs: {weights: {file: weights.json}};"
            " declare the variable: env: [REGION]"
        )


def test_a_result_from_before_it_was_strict_is_not_taken(
    run_tiny: RunTiny, sloppy: Path, said: list[str]
) -> None:
    run_tiny()
    note = (
        "  note: looked for the variable $REGION at pipelines/tiny/features.py:7,"
        " which is not in its 'env' (undeclared-input)"
    )
    assert note in said
    strict(sloppy)
    with pytest.raises(StepFailed, match="'hermetic' is strict"):
        run_tiny()


def test_a_step_that_declares_what_it_uses_is_strict_at_no_cost(
    run_tiny: RunTiny, root: Path
) -> None:
    run_tiny()
    strict(root)
    assert set(actions(run_tiny()).values()) == {"Reuse"}


def test_programs_that_a_step_starts_are_a_note(
    run_tiny: RunTiny, root: Path, said: list[str]
) -> None:
    edit(root, "features.py", "    values =", "    import os; os.system('true')\n    values =")
    strict(root)
    result = run_tiny()
    note = "starts other programs, which are not observed: true at pipelines/tiny/features.py:5"
    assert f"  note: {note}" in said
    record = next(ran.record for ran in result.steps if ran.decision.step == "features")
    assert record is not None
    assert record.programs == ("true at pipelines/tiny/features.py:5",)


def strict(root: Path) -> None:
    text = (root / "pipelines/tiny/pipeline.yaml").read_text()
    (root / "pipelines/tiny/pipeline.yaml").write_text(text + "hermetic: strict\n")
