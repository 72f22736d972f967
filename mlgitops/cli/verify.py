"""``mlgitops verify``: recompute what a tree, a release or a pull request claims."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlgitops.core.digests import JSON
    from mlgitops.core.findings import Finding
    from mlgitops.flow.seams import Seams

EXAMPLES = """examples:
  mlgitops verify              the work tree: manifests, pins, their releases, promotion records
  mlgitops verify churn@1.4.0  one release: bytes, numbers, provenance, signatures
  mlgitops verify churn --output evidence/   and write it all out, for other tools to verify
  mlgitops verify --pull 7     a pull request, by the rules of its base; publishes its checks

Metrics are computed again from the recorded predictions, and those from the ONNX. Signatures count
when mlgitops.yaml trusts who made them (signing.trusted); nothing needs a network. Exit code 1 when
something is not what it must be; what cannot be known in this clone is said and fails nothing.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "release", nargs="?", metavar="MODEL[@VERSION]", help="one release instead of the tree"
    )
    parser.add_argument("--pull", type=int, metavar="N", help="a pull request instead of the tree")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="of a release: write all of it to a new folder"
    )
    parser.add_argument("--offline", action="store_true", help="of a release: do not fetch")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Verify."""
    from mlgitops.core.errors import UsageError
    from mlgitops.wiring import open_project

    if args.release is not None and args.pull is not None:
        raise UsageError("a release and --pull are two different things", hint="name one of them")
    if args.output is not None and args.release is None:
        raise UsageError("--output is for one release", hint="mlgitops verify MODEL --output DIR")
    seams = open_project(args)
    if args.pull is not None:
        return _pull(seams, args)
    return _tree(seams, args) if args.release is None else _release(seams, args)


def _tree(seams: Seams, args: argparse.Namespace) -> int:
    from mlgitops.cli.terminal import write, write_json
    from mlgitops.flow.verify import verify

    findings = verify(seams)
    failed = any(finding.severity == "error" for finding in findings)
    if args.json:
        write_json({"findings": [finding.to_json() for finding in findings]})
        return int(failed)
    _show(findings)
    unknown = sum(finding.severity != "error" for finding in findings)
    if not failed:
        write("verified: nothing differs" + (f", {unknown} not known here" if unknown else ""))
    return int(failed)


def _release(seams: Seams, args: argparse.Namespace) -> int:
    from mlgitops.cli.terminal import write, write_json
    from mlgitops.flow.verify_release import verify_release

    found = verify_release(seams, args.release, output=args.output, offline=args.offline)
    failed = any(finding.severity == "error" for finding in found.findings)
    made = found.provenance
    if args.json:
        write_json(
            {
                "release": found.release.tag,
                "digest": found.release.digest,
                "signer": made.signer,
                "builder": made.builder,
                "commit": made.commit,
                "findings": [finding.to_json() for finding in found.findings],
            }
        )
        return int(failed)
    _show(found.findings)
    if not failed:
        document = found.release.document
        signed = f"signed by {made.signer}" if made.signer else made.problem or "not signed"
        write(f"verified: {found.release.tag} is what it says it is")
        write(f"  {len(document.files)} files by digest, {document.digest}")
        write("  answers, metrics, parity, robustness and card computed again: equal")
        write(f"  built by {made.builder} from {made.commit[:12]}; {signed}")
    if args.output is not None:
        write(f"written to {args.output}; docs/verify.md says how other tools check it")
    return int(failed)


def _show(findings: Sequence[Finding]) -> None:
    from mlgitops.cli.terminal import paint, write

    colour = paint()
    for finding in findings:
        word = colour(finding.severity, "bad" if finding.severity == "error" else "dim")
        write(f"{finding.at}: {word}[{finding.rule}]: {finding.message}")
        if finding.hint:
            write(f"  hint: {finding.hint}")


def _pull(seams: Seams, args: argparse.Namespace) -> int:
    from mlgitops.cli.terminal import write, write_json
    from mlgitops.flow.verify import verify_pull

    pull = verify_pull(seams, args.pull)
    states = {check.state for check in pull.checks}
    if args.json:
        checks: list[JSON] = [
            {"name": c.name, "state": c.state, "detail": c.detail} for c in pull.checks
        ]
        write_json({"pull": pull.number, "head": pull.head_commit, "checks": checks})
    else:
        write("\n".join(f"{c.name}: {c.state} ({c.detail})" for c in pull.checks))
    return 1 if "failure" in states else 4 if "pending" in states else 0
