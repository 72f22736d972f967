"""Who is in the story, and what they do again and again: commit, merge, ship a release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mlgitops.cli.demo.commands import Broken, Done, at
from mlgitops.cli.demo.serving import Served
from mlgitops.cli.demo.stage import Demo, Person
from mlgitops.core.digests import JSON

MODEL: Final = "bike-demand"
FOLDER: Final = f"pipelines/{MODEL}"
ENVIRONMENTS: Final = ("dev", "staging", "prod")


@dataclass(slots=True, kw_only=True)
class Story(Demo):
    """The demo, with its people and what later stages need of earlier ones.

    Dana trains models, Rui reviews, Kim is on call, CI is nobody, Ada audits. ``served``: the model
    server, while it runs.
    """

    served: Served | None = None

    @property
    def dana(self) -> Person:
        """The data scientist."""
        return self.person("Dana")

    @property
    def rui(self) -> Person:
        """The reviewer."""
        return self.person("Rui")

    @property
    def kim(self) -> Person:
        """Who is on call."""
        return self.person("Kim")

    # -- what is so now, asked of the commands themselves -------------------------------------

    def state(self, environment: str) -> tuple[str, str]:
        """Return the version that an environment pins, and the state that ``status`` gives it."""
        done = self.mlgitops(self.dana, "status", MODEL, "--json", hidden=True)
        cell = done.json("models", 0, "environments", environment)
        assert isinstance(cell, dict)
        return str(cell.get("version")), str(at(cell, "state"))

    def newest(self) -> dict[str, JSON]:
        """Return the document of the newest release."""
        done = self.mlgitops(self.dana, "lineage", MODEL, "--json", hidden=True)
        release = done.json("release")
        assert isinstance(release, dict)
        return release

    def open_pulls(self) -> list[int]:
        """Return the numbers of the open pull requests, newest first."""
        done = self.mlgitops(self.dana, "pulls", "list", "--state", "open", "--json", hidden=True)
        pulls = done.json("pulls")
        assert isinstance(pulls, list)
        return [int(str(at(pull, "number"))) for pull in pulls]

    def only_pull(self) -> int:
        """Return the number of the one pull request that is open; Broken when it is not one."""
        numbers = self.open_pulls()
        if len(numbers) != 1:
            raise Broken(f"one pull request should be open, and there are {len(numbers)}")
        return numbers[0]

    # -- what they do -------------------------------------------------------------------------

    def commit(self, who: Person, subject: str, paths: Sequence[str]) -> None:
        """Commit the paths, as the person would."""
        self.git(who, "add", *paths, hidden=False)
        self.git(who, "commit", "--quiet", "-m", subject, hidden=False)

    def propose(self, branch: str, title: str) -> None:
        """Push Dana's branch, open its pull request and merge it."""
        self.git(self.dana, "push", "--quiet", "origin", branch, hidden=False)
        self.mlgitops(self.dana, "pulls", "open", "--head", branch, "--title", title, lines=4)
        self.merge(self.only_pull())
        self.update(self.dana)

    def head_of(self, number: int) -> str:
        """Return the branch of a pull request."""
        done = self.mlgitops(self.dana, "pulls", "show", str(number), "--json", hidden=True)
        return str(done.json("head"))

    def update(self, who: Person) -> None:
        """Bring the person's clone to what everybody shares."""
        self.git(who, "switch", "--quiet", "main")
        self.git(who, "pull", "--quiet", "--ff-only")

    def release(self, *, lines: int = 8) -> str:
        """Release from the shared branch and return the version."""
        self.update(self.dana)
        self.mlgitops(self.dana, "release", MODEL, lines=lines)
        document = self.newest()
        version, digest = str(at(document, "version")), str(at(document, "digest"))
        tag = f"{MODEL}@v{version}"
        told = self.git(self.dana, "ls-remote", "--tags", "origin", f"refs/tags/{tag}")
        self.claim(f"the tag {tag} is on the server", bool(told))
        message = self.git(self.dana, "tag", "--list", "--format=%(contents)", tag)
        self.claim("its message names the model by digest", digest in message, message[:200])
        return version

    def promote(self, environment: str, version: str, *, lines: int = 12) -> Done:
        """Open the promotion's pull request, get what it needs, merge it."""
        done = self.mlgitops(self.dana, "promote", MODEL, "--to", environment, lines=lines)
        self.merge(self.only_pull())
        self.claim_pinned(environment, version)
        return done

    def merge(self, number: int) -> None:
        """Merge a pull request, as the one who opened it."""
        self.mlgitops(self.dana, "pulls", "merge", str(number), lines=4)

    def claim_pinned(self, environment: str, version: str) -> None:
        """Check that the shared branch pins the version in the environment."""
        path = f"environments/{environment}/pins/{MODEL}.yaml"
        self.git(self.dana, "fetch", "--quiet")
        pin = self.git(self.dana, "show", f"origin/main:{path}")
        self.claim(f"main pins {version} in {environment}", f"version: {version}" in pin, pin)
