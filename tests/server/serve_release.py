"""The process under test: serves a release, and reports on itself in JSON lines on stdout.

Unpickling anything ends it. The last line names every module that was imported.
"""

import json
import sys
from pathlib import Path


def say(**line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def refuse_pickle(event: str, args: tuple[object, ...]) -> None:
    if event == "pickle.find_class":
        say(unpickled=repr(args))
        raise RuntimeError("the model server unpickled something")


def main(directory: str, journal: str, max_body: str) -> None:
    sys.addaudithook(refuse_pickle)
    from mlgitops.server.run import run

    run(
        Path(directory),
        journal=Path(journal) if journal else None,
        ready=lambda port: say(port=port),
        on_log=lambda line: say(log=line),
        max_body=int(max_body),
    )
    say(modules=sorted(sys.modules))


if __name__ == "__main__":
    main(*sys.argv[1:])
