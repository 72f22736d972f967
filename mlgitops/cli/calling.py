"""Call one command: parse its arguments, run it, and turn what goes wrong into an exit code."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence

from mlgitops import __version__
from mlgitops.cli import add_directory
from mlgitops.core.errors import MlgitopsError


def call(name: str, text: str, before: Sequence[str], words: Sequence[str]) -> int:
    """Run the command ``name`` with ``words``; ``before`` are the options that stood before it."""
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
        code = int(module.run(args))
        sys.stdout.flush()
        return code
    except MlgitopsError as error:
        show(error)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader (head, less) has gone. Python would complain once more while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:
        print(_bug(name), file=sys.stderr)
        return 3


def say(line: str) -> None:
    """Show one line of progress, beside the result and never in it."""
    print(line, file=sys.stderr, flush=True)


def show(error: MlgitopsError) -> None:
    """Print where, what, and what next."""
    place = f"{error.at}: " if error.at is not None else ""
    print(f"{place}error: {error.message}", file=sys.stderr)
    if error.hint:
        print(f"  hint: {error.hint}", file=sys.stderr)


def _bug(name: str) -> str:
    """Return the block to paste into an issue; the last frames are what the reader needs."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    return (
        "This is a bug in mlgitops, not in your files. Nothing that was written is half-written.\n"
        "Please paste the following into an issue of the project.\n\n"
        f"```\nmlgitops {__version__} · Python {version} · {sys.platform} · command {name}\n"
        f"{traceback.format_exc().rstrip()}\n```"
    )
