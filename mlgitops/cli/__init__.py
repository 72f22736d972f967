"""argv → a verb of ``flow`` → a page of ``report`` → exit code. Only this package prints or exits.

A command is one module of this package, imported when it is called and not before: it has
``configure(parser)`` and ``run(args) -> exit code``; its name and one line of help stand in
``COMMANDS``, so that ``--help`` imports none of them.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mlgitops import __version__

if TYPE_CHECKING:
    import argparse

COMMANDS: Final[dict[str, dict[str, str]]] = {
    "start": {
        "demo": "the whole story on this machine, on real data, in a scratch repository",
        "init": "scaffold a repository that works at once",
        "doctor": "say what is missing here: tools, extras, rights, settings",
    },
    "prepare": {
        "validate": "find everything that is wrong in the specs, with place and next step",
        "schema": "print the JSON Schema of a spec, or write them all where editors look",
        "plan": "show which steps would run, and why",
        "run": "run what `plan` says; reuse what nothing changed",
        "compile": "write a pipeline as a manifest for another engine (Argo Workflows)",
        "runs": "list, filter and sort the runs that were recorded, or show one",
        "diff": "compare two runs or releases: parameters, metrics, code, data, environment",
        "refresh": "take a new snapshot of a pipeline's sources",
        "release": "export, prove, evaluate, describe and tag a model",
    },
    "deploy": {
        "render": "write the manifests of an environment's pins, or compare them",
        "promote": "open or update the pull request that moves a model into an environment",
        "verify": "recompute what a tree or a pull request claims",
        "pulls": "list, show, approve, merge and close local pull requests",
        "rollback": "open the pull request back to an earlier version, and hold it there",
        "hold": "open the pull request that stops promotions of a model",
        "unhold": "open the pull request that allows them again",
        "serve": "serve a released model (Open Inference Protocol v2)",
    },
    "watch": {
        "status": "show which version of each model runs where",
        "history": "tell who moved which version where, when, and on what evidence",
        "card": "print the model card of a release: verdict, numbers, slices, odd input, origin",
        "lineage": "follow a release down to its data, code and parameters",
        "monitor": "compare what a model sees and answers now with its release",
        "retrain": "open the pull request that moves a pipeline to new data",
        "push": "bring results and releases to the remote store, what it lacks of them",
        "pull": "fetch now what would be fetched when it is needed",
        "fsck": "check the store: every blob against its digest, every record",
        "gc": "remove from the store what no branch, tag, pull request or recent work needs",
    },
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code (the table is in ``mlgitops --help``)."""
    words = list(sys.argv[1:] if argv is None else argv)
    _open_streams()
    if words in (["--version"], ["-V"]):
        print(f"mlgitops {__version__}")
        return 0
    known = {name: text for group in COMMANDS.values() for name, text in group.items()}
    place = _command_at(words)
    if place is None or words[place] not in known:
        return _without_command(words, place, known)
    from mlgitops.cli.calling import call

    name = words[place]
    return call(name, known[name], words[:place], words[place + 1 :])


def _open_streams() -> None:
    """Let every text be printed: by a process without standard output, and on any terminal."""
    # Closed streams are None, and their numbers would go to the next files that are opened.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: PTH123, SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Names of files may be any bytes, and a terminal may know no letter beyond ASCII.
            stream.reconfigure(errors="backslashreplace")


def _command_at(words: Sequence[str]) -> int | None:
    """Return where the command stands: the first word that is no option, nor the value of -C."""
    place = 0
    while place < len(words):
        if words[place] in ("-C", "--directory"):
            place += 2
        elif words[place].startswith("-") and words[place] != "-":
            place += 1
        else:
            return place
    return None


def _without_command(words: Sequence[str], place: int | None, known: dict[str, str]) -> int:
    if place is not None:
        import difflib

        close = difflib.get_close_matches(words[place], known, n=1)
        print(f"mlgitops: there is no command {words[place]!r}", file=sys.stderr)
        print(
            f"  hint: did you mean {close[0]!r}?" if close else "  hint: see mlgitops --help",
            file=sys.stderr,
        )
        return 2
    if any(word in ("--help", "-h") for word in words) or not words:
        print(help_text())
        return 0 if words else 2
    print(f"mlgitops: {words[0]} needs a command; see mlgitops --help", file=sys.stderr)
    return 2


def help_text() -> str:
    """Return the text of ``mlgitops --help``."""
    lines = [
        "usage: mlgitops [-C DIR] COMMAND [ARGUMENTS]",
        "",
        "Your git repository is the ML platform: a model change is a pull request, CI proves it,",
        "a merge ships it, and git log is the audit trail.",
    ]
    for group, commands in COMMANDS.items():
        lines += ["", f"{group}:"]
        lines += [f"  {name:<9} {text}" for name, text in commands.items()]
    lines += [
        "",
        "options:",
        "  -C DIR     work as if started in DIR",
        "  --version  print the version",
        "  --help     this text; `mlgitops COMMAND --help` has examples",
        "",
        "exit codes: 0 done or nothing to do · 1 findings, failed gate, refused · 2 usage or",
        "unreadable spec · 3 bug in mlgitops · 4 needs a person · 5 lost the race · 6 permission ·",
        "7 a step failed · 8 store, forge or git unreachable · 75 try later · 130 interrupted",
    ]
    return "\n".join(lines)


def add_directory(parser: argparse.ArgumentParser) -> None:
    """Add the option that every command shares."""
    parser.add_argument(
        "-C", "--directory", metavar="DIR", default=".", help="work as if started in DIR"
    )
