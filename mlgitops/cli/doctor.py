"""``mlgitops doctor``: what is missing here, and what to do about it."""

from __future__ import annotations

import argparse

EXAMPLES = """examples:
  mlgitops doctor           this machine and this repository
  mlgitops doctor --json

Exit code 1 when something will not work; a warning alone exits 0.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Examine, and show what was found."""
    from mlgitops.cli.terminal import paint, write, write_json
    from mlgitops.core.diagnoses import failed, to_json
    from mlgitops.core.errors import MlgitopsError
    from mlgitops.flow import doctor
    from mlgitops.report.doctor import page
    from mlgitops.wiring import open_project

    found = list(doctor.machine())
    try:
        found += doctor.project(open_project(args))
    except MlgitopsError as error:
        found.append(doctor.unusable(error))
    if args.json:
        write_json(to_json(found))
    else:
        write(page(found, paint()))
    return 1 if failed(found) else 0
