"""Tell who asked for it how a run ended: each once, tried again, and never a reason to fail."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from mlgitops.core.endings import Ending, ending_json, first_line
from mlgitops.core.plans import Execute, Reuse
from mlgitops.core.specs.notices import Hook, Notify, Webhook
from mlgitops.core.specs.pipelines import Pipeline
from mlgitops.flow.running import Failure, Ran
from mlgitops.flow.seams import Seams

# Seconds before each further try.
_PAUSES: Final = (0.5, 2.0, 5.0)
_TIMEOUT: Final = 10.0
_wait = time.sleep
_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")


class _Untold(Exception):
    """Why somebody was not told. ``again``: whether another try may go better."""

    def __init__(self, why: str, *, again: bool = True) -> None:
        super().__init__(why)
        self.again = again


def tell(
    seams: Seams,
    root: Path,
    done: Sequence[Ran],
    failures: Sequence[Failure],
    seconds: float,
) -> None:
    """Tell whom each pipeline of a run names; who cannot be told gives a note.

    Of a pipeline in which nothing ran and nothing failed, nobody is told.
    """
    nodes = [*(one.node for one in done), *(one.node for one in failures)]
    named = {node.pipeline.spec.name: node.pipeline.spec for node in nodes}
    for name in sorted(named):
        spec = named[name]
        if spec.notify is None:
            continue
        ending = _ending(seams, spec, done, failures, seconds)
        if ending is None:
            continue
        for notice in _asked(spec.notify, ending):
            why = _told(notice, ending, root)
            if why is not None:
                seams.say(f"note: {_whom(notice)} of {name} was not told: {why}")


def _ending(
    seams: Seams,
    pipeline: Pipeline,
    done: Sequence[Ran],
    failures: Sequence[Failure],
    seconds: float,
) -> Ending | None:
    mine = [one for one in done if one.node.pipeline.spec.name == pipeline.name]
    ran = tuple(_label(one) for one in mine if isinstance(one.decision, Execute))
    failed = tuple(
        (_label(one), first_line(one.error.message))
        for one in failures
        if one.node.pipeline.spec.name == pipeline.name
    )
    if not ran and not failed:
        return None
    standing = seams.repository.standing()
    return Ending(
        event="failure" if failed else "success",
        pipeline=pipeline.name,
        ran=ran,
        reused=sum(isinstance(one.decision, Reuse) for one in mine),
        failed=failed,
        seconds=seconds,
        commit=standing.commit,
        branch=standing.branch,
        page=seams.ci_page,
    )


def _label(one: Ran | Failure) -> str:
    return one.node.name.partition(".")[2]


def _asked(notify: Notify, ending: Ending) -> Iterator[Webhook | Hook]:
    yield from (notify.failure if ending.event == "failure" else notify.success) or ()


def _whom(notice: Webhook | Hook) -> str:
    """Return who it is, as the spec has it: an address may be a secret, its host is none."""
    if isinstance(notice, Hook):
        return f"the command {notice.command[0]!r}"
    address = notice.webhook
    return f"the webhook {address if _VARIABLE.fullmatch(address) else address.split('/')[2]}"


def _told(notice: Webhook | Hook, ending: Ending, root: Path) -> str | None:
    """Tell one; return why that was not possible, or None."""
    body = json.dumps(ending_json(ending), ensure_ascii=False).encode()
    why = ""
    for wait in (0.0, *_PAUSES):
        if wait:
            _wait(wait)
        try:
            if isinstance(notice, Webhook):
                _post(_address(notice.webhook), body)
            else:
                _call(notice.command, body, root)
        except _Untold as untold:
            why = str(untold)
            if not untold.again:
                return why
        else:
            return None
    return f"{why}, {len(_PAUSES) + 1} times"


def _address(text: str) -> str:
    variable = _VARIABLE.fullmatch(text)
    if variable is None:
        return text
    address = os.environ.get(variable[1], "")
    if not address.startswith(("https://", "http://")):
        what = "is no web address" if address else "is not set"
        raise _Untold(f"the environment variable {variable[1]} {what}", again=False)
    return address


def _post(address: str, body: bytes) -> None:
    """Post ``body``. What an error says may hold the address, so only its kind is told."""
    import httpx

    headers = {"Content-Type": "application/json", "User-Agent": "mlgitops"}
    try:
        answer = httpx.post(address, content=body, headers=headers, timeout=_TIMEOUT)
    except httpx.TransportError as error:
        raise _Untold(f"it cannot be reached ({type(error).__name__})") from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise _Untold(f"it cannot be asked ({type(error).__name__})", again=False) from None
    if not answer.is_success:
        again = answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error
        raise _Untold(f"it answered {answer.status_code}", again=again)


def _call(words: Sequence[str], body: bytes, root: Path) -> None:
    """Start the command in the repository's root with ``body`` on its standard input."""
    try:
        process = subprocess.Popen(
            words,
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise _Untold(f"it does not start: {error.strerror}", again=False) from None
    with process:
        try:
            process.communicate(body, timeout=_TIMEOUT)
        except BaseException as error:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise _Untold(f"it took more than {_TIMEOUT:.0f} s") from None
            raise
    if process.returncode:
        raise _Untold(f"it ended with {process.returncode}")
