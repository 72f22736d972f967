"""A traceback for the person who wrote the step: their own lines, as paths of the repository."""

from __future__ import annotations

import traceback
from pathlib import Path


def summary(error: BaseException) -> str:
    """Return the error in one line, as Python prints it last."""
    if isinstance(error, SystemExit):
        return f"the step called sys.exit({error.code!r})"
    lines = traceback.format_exception_only(error)
    return " ".join("".join(lines[-1:]).split())


def trimmed(error: BaseException, root: Path) -> str:
    """Return the traceback with only the frames of files below ``root``.

    When none of the user's lines took part it is returned whole: then it is not their error.
    """
    whole = traceback.TracebackException.from_exception(error, compact=True)
    base = f"{root}/"
    if _trim(whole, base):
        return "".join(whole.format()).replace(base, "")
    return "".join(traceback.format_exception(error))


def _trim(whole: traceback.TracebackException, base: str) -> bool:
    """Cut the frames of others out of an error and of those behind it; say if one was left."""
    own = [frame for frame in whole.stack if _own(frame.filename, base)]
    whole.stack = traceback.StackSummary.from_list(own)
    # A syntax error has no frame in the file that it is in.
    left = bool(own) or _own(getattr(whole, "filename", None) or "", base)
    for other in (whole.__cause__, whole.__context__, *(whole.exceptions or ())):
        if other is not None:
            left = _trim(other, base) or left
    return left


def _own(filename: str, base: str) -> bool:
    return filename.startswith(base) and "/site-packages/" not in filename
