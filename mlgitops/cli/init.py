"""``mlgitops init``: a repository that works at once."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLES = """examples:
  mlgitops init                              in this folder
  mlgitops init churn                        in a new folder
  mlgitops init churn --owner @acme/ml       with your team in CODEOWNERS

Makes an example pipeline on data that scikit-learn brings along, its model, the environments dev,
staging and prod, a workflow for pull requests and CODEOWNERS. Overwrites nothing.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("into", nargs="?", metavar="DIR", default=".", help="default: this folder")
    parser.add_argument("--name", help="the project's name (default: the folder's)")
    parser.add_argument("--owner", metavar="WHO", help="who reviews: @person, @org/team or email")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Scaffold, and say what to do next."""
    from mlgitops.cli.terminal import write, write_json
    from mlgitops.flow.init import PLACEHOLDER, init

    done = init(Path(args.directory, args.into), name=args.name, owner=args.owner)
    if args.json:
        write_json(
            {
                "root": str(done.root),
                "written": list(done.written),
                "extended": list(done.extended),
                "created": done.created,
            }
        )
        return 0
    lines = [f"started a git repository in {done.root}"] if done.created else []
    lines += [f"wrote {path}" for path in done.written]
    lines += [f"added lines to {path}" for path in done.extended]
    if not (done.written or done.extended):
        lines.append("nothing to do: everything is there already")
    if args.owner is None and ".github/CODEOWNERS" in done.written:
        lines.append(f"note: .github/CODEOWNERS names {PLACEHOLDER}; write your own team there")
    here = Path.cwd().resolve() == done.root
    lines += ["", "next:"] + ([] if here else [f"  cd {done.root}"])
    lines += [
        "  git add --all && git commit -m 'Start'",
        "  mlgitops validate",
        "  mlgitops run",
    ]
    write("\n".join(lines))
    return 0
