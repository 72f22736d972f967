"""``mlgitops schema``: JSON Schema of the specs, for editors and other tools."""

from __future__ import annotations

import argparse

EXAMPLES = """examples:
  mlgitops schema                    which schemas there are, and for which files
  mlgitops schema pipeline           that of pipeline.yaml
  mlgitops schema release            that of the document in a release's tag
  mlgitops schema --all              one schema for a document of any kind
  mlgitops schema --write            all of them to .mlgitops/schemas, where the specs look for them
  mlgitops schema --write build      all of them to a folder of your own

Draft 2020-12. A spec names its schema in its first line, as `init` writes it:
  # yaml-language-server: $schema=../../.mlgitops/schemas/pipeline.json
`init` and `validate` write those files again when they are missing or of another version.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("kind", nargs="?", metavar="KIND", help="of which file, or kind of document")
    what.add_argument("--all", action="store_true", help="one schema for a document of any kind")
    what.add_argument(
        "--write",
        nargs="?",
        metavar="DIR",
        const="",
        help="write every schema to DIR (default: .mlgitops/schemas of the repository)",
    )


def run(args: argparse.Namespace) -> int:
    """Print one schema, list them, or write them all."""
    from mlgitops.cli.terminal import write
    from mlgitops.core.schemas import ANY, FILES, RELEASE, schema
    from mlgitops.flow.schemas import text

    if args.write is not None:
        return _write(args.directory, args.write)
    if args.all or args.kind is not None:
        print(text(schema(ANY if args.all else _known(args.kind))), end="")
        return 0
    known = {**FILES, RELEASE: "the message of a tag <model>@v<version>"}
    width = max(map(len, known))
    write("\n".join(f"{name:<{width}}  {path}" for name, path in known.items()))
    return 0


def _known(kind: str) -> str:
    from mlgitops.core.errors import UsageError
    from mlgitops.core.findings import did_you_mean
    from mlgitops.core.schemas import FILES, RELEASE

    names = (*FILES, RELEASE)
    if kind.lower() not in names:
        known = ", ".join(names)
        raise UsageError(
            f"there is no kind {kind!r}",
            hint=did_you_mean(kind.lower(), names) or f"there are {known}",
        )
    return kind.lower()


def _write(directory: str, chosen: str) -> int:
    from pathlib import Path

    from mlgitops.cli.terminal import write
    from mlgitops.flow.schemas import FOLDER, write_schemas
    from mlgitops.git import Repository

    if chosen:
        folder = Path(directory, chosen)
    else:
        folder = Repository.open(Path(directory)).root / FOLDER
    write("\n".join(f"wrote {folder / name}" for name in write_schemas(folder)))
    return 0
