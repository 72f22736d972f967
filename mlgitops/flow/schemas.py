"""Schemas for editors: derived files beside the store, which follow the installed mlgitops.

The first line of a spec names one of them, relative to itself, so that every clone finds its own.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Final

from mlgitops import __version__, core
from mlgitops.core.errors import StoreError
from mlgitops.files import write_whole

FOLDER: Final = ".mlgitops/schemas"
_STAMP: Final = ".version"
_PROJECT: Final = "mlgitops.yaml"


def write_schemas(folder: Path) -> tuple[str, ...]:
    """Write every schema into ``folder`` and return the names of the files.

    Raises StoreError where nothing can be written.
    """
    # Before anything is computed: a read-only folder ends here. A repository may ignore
    # ``.mlgitops`` or not; these files never show up in it.
    write_whole(folder / ".gitignore", b"*\n")
    from mlgitops.core.schemas import schemas

    texts = {f"{name}.json": text(one) for name, one in schemas().items()}
    for name, content in texts.items():
        write_whole(folder / name, content.encode())
    write_whole(folder / _STAMP, _version().encode())
    return tuple(texts)


def refresh(root: Path) -> bool:
    """Write the schemas of the project in ``root`` when they are missing or of another version.

    Returns whether it did. Costs a millisecond when they are up to date. It is a courtesy to
    editors: where it is no project, or nothing can be written, it does nothing.
    """
    folder = root / FOLDER
    try:
        if folder.joinpath(_STAMP).read_text("utf-8") == _version():
            return False
    except (OSError, UnicodeDecodeError):
        pass
    # A link would lead the files to wherever its author likes.
    links = (root / ".mlgitops", folder)
    if not (root / _PROJECT).is_file() or any(place.is_symlink() for place in links):
        return False
    try:
        write_schemas(folder)
    except StoreError:
        return False
    return True


def text(schema: dict[str, object]) -> str:
    """Return a schema as the text of its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _version() -> str:
    """Return what the schemas follow: the version, and the code that they are made of."""
    digest = sha256()
    top = Path(core.__path__[0])
    for pattern in ("schemas/*.py", "specs/*.py", "signatures.py", "unsupported.py"):
        for module in sorted(top.glob(pattern)):
            digest.update(module.read_bytes())
    return f"{__version__} {digest.hexdigest()}\n"
