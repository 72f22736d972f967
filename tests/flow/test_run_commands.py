"""Steps that are commands, and sources that are files."""

from pathlib import Path

import pytest

from mlgitops.core.errors import StepFailed
from tests.flow.conftest import RunTiny, actions, seams_of
from tests.support import write

COMMAND = """\
apiVersion: mlgitops/v1
kind: Pipeline
name: shell
params: {word: hello, n: 3}
steps:
  - name: raw
    source: {type: file, path: data/raw.csv}
    outputs: {raw: csv}
  - name: count
    command: [python, tools/count.py, "{inputs.raw}", "{outputs.count}", "--n={params.n}"]
    inputs: {raw: raw.raw}
    params: [n]
    outputs: {count: text}
  - name: shout
    command:
      [sh, -c, "cat $0 $1 > $2 && ls > $3",
       "{inputs.count}", "{inputs.extra}", "{outputs.out}", "{outputs.seen}"]
    inputs: {count: count.count, extra: {file: data}}
    outputs: {out: bytes, seen: text}
"""


def test_commands_get_paths_and_values_and_a_clean_directory(
    run_tiny: RunTiny, root: Path, said: list[str]
) -> None:
    write(
        root,
        {
            "pipelines/shell/pipeline.yaml": COMMAND.replace(
                '"{inputs.extra}"', '"{inputs.extra}/x"'
            ),
            "pipelines/shell/data/raw.csv": "a,b\n1,2\n3,4\n",
            "pipelines/shell/data/x": "extra\n",
            "pipelines/shell/tools/count.py": (
                "import sys\nfrom lib.text import lines\n"
                "open(sys.argv[2], 'w').write(f'{lines(sys.argv[1])} {sys.argv[3]}\\n')\n"
            ),
            "lib/text.py": "def lines(path): return len(open(path).readlines())\n",
        },
    )
    result = run_tiny(pipeline="shell")
    records = result.records
    store = seams_of(root, said).store
    assert store.read(records["shout"].outputs["out"].digest) == b"3 --n=3\nextra\n"
    assert store.read(records["shout"].outputs["seen"].digest) == b""
    assert (records["raw"].outputs["raw"].rows, records["raw"].outputs["raw"].columns) == (
        2,
        ("a", "b"),
    )
    assert records["count"].parts.code.keys() == {"tools/count.py", "lib/text.py"}
    assert set(actions(run_tiny(pipeline="shell")).values()) == {"Reuse"}

    write(root, {"lib/text.py": "def lines(path): return 7\n"})
    again = actions(run_tiny(pipeline="shell"))
    assert again == {"raw": "Reuse", "count": "Execute", "shout": "Execute"}
    write(root, {"pipelines/shell/data/x": "more\n"})
    assert actions(run_tiny(pipeline="shell"))["shout"] == "Execute"


def test_a_command_that_does_not_write_its_output_fails(run_tiny: RunTiny, root: Path) -> None:
    text = COMMAND.replace("[python, tools/count.py, ", "[echo, ")
    write(root, {"pipelines/shell/pipeline.yaml": text, "pipelines/shell/data/raw.csv": "a\n1\n"})
    with pytest.raises(StepFailed, match="it did not write its output count"):
        run_tiny(pipeline="shell")


def test_a_file_that_is_not_what_it_is_declared_to_be_fails(run_tiny: RunTiny, root: Path) -> None:
    text = COMMAND.replace("{raw: csv}", "{raw: parquet}")
    write(root, {"pipelines/shell/pipeline.yaml": text, "pipelines/shell/data/raw.csv": "a\n1\n"})
    with pytest.raises(StepFailed, match=r"raw\.parquet cannot be read as parquet"):
        run_tiny(pipeline="shell")


def test_a_script_that_is_started_by_its_path_reaches_what_it_names(
    run_tiny: RunTiny, root: Path, said: list[str]
) -> None:
    text = (
        "apiVersion: mlgitops/v1\nkind: Pipeline\nname: shell\nsteps:\n"
        '  - name: prep\n    command: ["./tools/prep.sh", "{outputs.out}"]\n'
        "    outputs: {out: text}\n"
        '  - name: call\n    run: "calling:go"\n    outputs: {out: text}\n'
    )
    write(
        root,
        {
            "pipelines/shell/pipeline.yaml": text,
            "pipelines/shell/tools/prep.sh": '#!/bin/sh\npython -m shop.words > "$1"\n',
            "pipelines/shell/calling.py": "from shop.words import WORD\ndef go(): return WORD\n",
            "src/shop/__init__.py": "",
            "src/shop/words.py": "WORD = 'hello'\nif __name__ == '__main__':\n    print(WORD)\n",
        },
    )
    (root / "pipelines/shell/tools/prep.sh").chmod(0o755)
    result = run_tiny(pipeline="shell")
    store = seams_of(root, said).store
    for ran in result.steps:
        assert ran.record is not None
        assert store.read(ran.record.outputs["out"].digest).strip() == b"hello"
        assert "shop/words.py" in ran.record.parts.code
        assert ran.record.undeclared == ()
