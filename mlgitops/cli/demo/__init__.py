"""``mlgitops demo``: the whole story on this machine, on real data, in a scratch repository."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLES = """examples:
  mlgitops demo                    in a fresh folder, whose path is printed
  mlgitops demo --keep ./story     in a folder of your choice, new or empty
  mlgitops -C checkout demo        with the example in another checkout

Takes the last commit of the example repository into a bare origin of its own, and plays the people
who work with it: every command is the real one. Your checkout and your git settings stay as they
are. Exit code 1: a stage did not do what it claims; what it left is there to look at.
"""

_NEEDED = ("httpx", "onnxruntime", "pandas", "pyarrow", "sklearn", "skl2onnx", "uvicorn")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="work in DIR instead of a temporary folder"
    )


def run(args: argparse.Namespace) -> int:
    """Tell the story; 0 when every stage did what it claims."""
    from mlgitops.cli.demo.story import play
    from mlgitops.cli.terminal import paint

    _require()
    folder = _folder(args.keep)
    try:
        told = play(folder, Path(args.directory), paint=paint(), write=_write)
    except KeyboardInterrupt:
        args.say(f"interrupted; nothing runs any more, and {folder} is left as it was then")
        return 130
    return 0 if told else 1


def _write(line: str) -> None:
    print(line, flush=True)


def _require() -> None:
    from importlib.util import find_spec

    from mlgitops.core.errors import UsageError

    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"the demo needs {', '.join(missing)}",
            hint="pip install 'mlgitops[ml,serve]', or `make demo` in a checkout",
        )


def _folder(chosen: Path | None) -> Path:
    import tempfile

    from mlgitops.core.errors import UsageError

    if chosen is None:
        return Path(tempfile.mkdtemp(prefix="mlgitops-demo-")).resolve()
    chosen.mkdir(parents=True, exist_ok=True)
    if any(chosen.iterdir()):
        raise UsageError(f"{chosen} is not empty", hint="name a new folder")
    return chosen.resolve()
