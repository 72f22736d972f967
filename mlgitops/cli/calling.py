"""Call one command: parse its arguments, run it, and turn what goes wrong into an exit code."""

from __future__ import annotations

import argparse
import gc
import importlib
import sys
import traceback
from collections.abc import Sequence
from typing import Final

from mlgitops import __version__
from mlgitops.cli import add_directory
from mlgitops.cli.terminal import say, write_json
from mlgitops.core.digests import JSON
from mlgitops.core.errors import MlgitopsError

_GARBAGE: Final = 100_000


def call(name: str, text: str, before: Sequence[str], words: Sequence[str]) -> int:
    """Run the command ``name`` with ``words``; ``before`` are the options that stood before it."""
    # A command makes many small values, keeps most of them and ends: to go through them all again
    # and again for what refers to itself took a tenth of its time.
    gc.set_threshold(_GARBAGE)
    module = importlib.import_module(f"mlgitops.cli.{name}")
    parser = argparse.ArgumentParser(
        prog=f"mlgitops {name}",
        description=text[0].upper() + text[1:] + ".",
        epilog=getattr(module, "EXAMPLES", None),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_directory(parser)
    module.configure(parser)
    try:
        args = parser.parse_args([*before, *words])
    except SystemExit as stop:
        return 0 if stop.code in (0, None) else 2
    args.say = say
    try:
        return int(module.run(args))
    except MlgitopsError as error:
        return _failed(args, error)
    except KeyboardInterrupt:
        say("interrupted; run the same command again to go on")
        return 130
    except Exception as error:
        say(_bug(name))
        return _answered(args, 3, f"a bug in mlgitops: {type(error).__name__}: {error}")


def show(error: MlgitopsError) -> None:
    """Print where, what, and what next."""
    place = f"{error.at}: " if error.at is not None else ""
    say(f"{place}error: {error.message}")
    if error.hint:
        say(f"  hint: {error.hint}")


def _failed(args: argparse.Namespace, error: MlgitopsError) -> int:
    show(error)
    at = error.at
    place: dict[str, JSON] = (
        {} if at is None else {"path": at.path, "line": at.line, "column": at.column}
    )
    return _answered(args, error.exit_code, error.message, {"hint": error.hint, **place})


def _answered(
    args: argparse.Namespace, code: int, message: str, more: dict[str, JSON] | None = None
) -> int:
    """Tell a program that asked for JSON why there is none; return the exit code."""
    if getattr(args, "json", False) or getattr(args, "format", None) == "json":
        try:
            write_json({"error": {"exit_code": code, "message": message, **(more or {})}})
        except MlgitopsError as error:
            show(error)
    return code


def _bug(name: str) -> str:
    """Return the block to paste into an issue; the last frames are what the reader needs."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    return (
        "This is a bug in mlgitops, not in your files. Nothing that was written is half-written.\n"
        "Please paste the following into an issue of the project.\n\n"
        f"```\nmlgitops {__version__} · Python {version} · {sys.platform} · command {name}\n"
        f"{traceback.format_exc().rstrip()}\n```"
    )
