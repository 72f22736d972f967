"""``mlgitops render``: pins → manifests, or the comparison of the two."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mlgitops.core.findings import Finding

EXAMPLES = """examples:
  mlgitops render                 write the manifests of every environment's pins
  mlgitops render prod            those of one environment
  mlgitops render --check         change nothing; exit 1 when a manifest is not what its pin gives
  mlgitops render --check --json

Templates are built in; a file of the same name in environments/templates/<target>/ replaces one.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("environment", nargs="?", metavar="ENV", help="default: all environments")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 on a difference")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Render, or compare."""
    from mlgitops.flow import render
    from mlgitops.wiring import open_project

    seams = open_project(args)
    if args.check:
        return _check(render.check(seams, args.environment), as_json=args.json)
    done = render.render(seams, args.environment)
    from mlgitops.cli.terminal import write, write_json

    if args.json:
        write_json(
            {
                "written": list(done.written),
                "removed": list(done.removed),
                "unchanged": list(done.unchanged),
            }
        )
        return 0
    lines = [f"wrote {path}" for path in done.written]
    lines += [f"removed {path}" for path in done.removed]
    if not lines:
        count = len(done.unchanged)
        what = "1 manifest is" if count == 1 else f"{count} manifests are"
        lines = [f"nothing to do: {what} up to date"]
    write("\n".join(lines))
    return 0


def _check(findings: Sequence[Finding], *, as_json: bool) -> int:
    from mlgitops.cli.terminal import paint, write, write_json

    if as_json:
        write_json({"findings": [finding.to_json() for finding in findings]})
    elif not findings:
        write("every manifest is what its pin gives")
    else:
        colour = paint()
        for finding in findings:
            write(f"{finding.at}: {colour('error', 'bad')}[{finding.rule}]: {finding.message}")
            write(f"  hint: {finding.hint}")
    return 1 if findings else 0
