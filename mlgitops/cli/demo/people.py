"""Who is in the story, and what they do again and again: commit, merge, ship a release."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from mlgitops.cli.demo.commands import Broken, Done, at
from mlgitops.cli.demo.serving import Served, blob_path
from mlgitops.cli.demo.stage import Demo, Meanwhile, Person
from mlgitops.core.digests import JSON

MODEL: Final = "bike-demand"
FOLDER: Final = f"pipelines/{MODEL}"
ENVIRONMENTS: Final = ("dev", "staging", "prod")
PULLS: Final = "refs/mlgitops/pulls"
LEDGER: Final = "refs/mlgitops/ledger"


@dataclass(slots=True, kw_only=True)
class Story(Demo):
    """The demo, with its people and what later stages need of earlier ones.

    Dana trains models, Rui reviews, Kim is on call, Ada audits, CI does what nobody has to do.
    ``served``: the model server, while it runs. ``document``: of the newest release. ``aside``:
    what goes on beside the story, to be told in its turn.
    """

    served: Served | None = None
    document: dict[str, JSON] = field(default_factory=dict)
    aside: Meanwhile[Story] | None = None

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

    @property
    def ci(self) -> Person:
        """The clone of main in which CI releases and promotes."""
        return self.person("CI")

    @property
    def shared(self) -> Person:
        """The bare repository, looked into by the demo itself."""
        return Person(name="Demo", clone=self.origin)

    # -- what is so now, asked of the commands themselves -------------------------------------

    def pull(self) -> int:
        """Return the number of the newest pull request."""
        refs = self.git(self.shared, "for-each-ref", "--format=%(refname:lstrip=3)", PULLS)
        if not refs:
            raise Broken("there is no pull request")
        return max(int(number) for number in refs.split())

    def fact(self, *path: str) -> str:
        """Return what the document of the newest release says."""
        return str(at(self.document, *path))

    def pinned(self, environment: str) -> str | None:
        """Return the version that the shared branch pins in an environment, None for none."""
        pin = self.on_main(f"environments/{environment}/pins/{MODEL}.yaml")
        found = re.search(r"^version: (.+)$", pin or "", re.MULTILINE)
        return found[1] if found else None

    def on_main(self, path: str) -> str | None:
        """Return the text of a file on the shared branch, None when there is none."""
        if not self.git(self.shared, "ls-tree", "--name-only", "main", path):
            return None
        return self.git(self.shared, "show", f"main:{path}")

    def evidence(self, kind: str) -> list[JSON]:
        """Return what the ledger keeps of a kind."""
        found: list[JSON] = []
        for ref in self.git(self.shared, "for-each-ref", "--format=%(refname)", LEDGER).split():
            names = self.git(self.shared, "ls-tree", "-r", "--name-only", ref, f"{kind}/").split()
            found += [json.loads(self.git(self.shared, "show", f"{ref}:{name}")) for name in names]
        return found

    # -- what they do -------------------------------------------------------------------------

    def commit(self, who: Person, subject: str, paths: Sequence[str]) -> None:
        """Commit the paths, as the person would."""
        self.git(who, "add", *paths, hidden=False)
        self.git(who, "commit", "--quiet", "-m", subject, hidden=False)

    def propose(self, branch: str, title: str) -> None:
        """Push Dana's branch and open its pull request; Rui merges it."""
        self.git(self.dana, "push", "--quiet", "origin", branch, hidden=False)
        self.mlgitops(self.dana, "pulls", "open", "--head", branch, "--title", title, lines=4)
        self.merge(self.rui, self.pull())

    def told_aside(self) -> Done | None:
        """Tell what went on beside the story, and return what it found."""
        if self.aside is None:
            raise Broken("nothing goes on beside the story")
        aside, self.aside = self.aside, None
        return aside.tell()

    def update(self, who: Person) -> None:
        """Bring the person's clone to what everybody shares."""
        self.git(who, "switch", "--quiet", "main")
        self.git(who, "pull", "--quiet", "--ff-only")

    def release(self, *, lines: int = 8) -> str:
        """Release from the shared branch and return the version."""
        self.update(self.ci)
        self.mlgitops(self.ci, "release", MODEL, lines=lines)
        tag = self.git(self.shared, "tag", "--list", f"{MODEL}@*", "--sort=-v:refname")
        tag = tag.partition("\n")[0]
        text = self.git(self.shared, "tag", "--list", "--format=%(contents)", tag)
        # A subject for people, then the document.
        from mlgitops.core.release_documents import written

        self.document = dict(written(text)) if text.strip() else {}
        version, digest = self.fact("version"), self.fact("digest")
        self.claim(f"the tag {tag} is on the server", tag == f"{MODEL}@v{version}", tag)
        blob = blob_path(self, digest)
        found = hashlib.sha256(blob.read_bytes()).hexdigest() if blob.exists() else None
        self.claim("the bytes that it names are in the store", digest == f"sha256:{found}", found)
        return version

    def promote(self, environment: str, *, lines: int = 12) -> None:
        """Open the promotion's pull request and merge it, where nobody has to approve."""
        self.mlgitops(self.ci, "promote", MODEL, "--to", environment, lines=lines)
        self.merge(self.ci, self.pull())
        self.claim_pinned(environment)

    def to_production(self, *, lines: int, body: bool = False, early: bool = False) -> None:
        """Open the pull request into prod, have it approved, merge it.

        ``body``: show what it says. ``early``: try to merge before anybody approves.
        """
        prod = ENVIRONMENTS[-1]
        self.mlgitops(self.ci, "promote", MODEL, "--to", prod, lines=lines)
        number = str(self.pull())
        if body:
            self.mlgitops(self.rui, "pulls", "show", number, lines=1000)
        if early:
            self.say("Nobody has approved it, so it does not merge:")
            self.mlgitops(self.rui, "pulls", "merge", number, expect=4, lines=4)
            found = self.pinned(prod)
            self.claim(f"{prod} runs nothing yet", found is None, found)
        self.say("Rui has read it, approves and merges.")
        self.mlgitops(self.rui, "pulls", "approve", number, "--as", self.rui.name, lines=4)
        self.merge(self.rui, int(number))
        self.claim_pinned(prod)

    def merge(self, who: Person, number: int) -> None:
        """Merge a pull request."""
        self.mlgitops(who, "pulls", "merge", str(number), lines=4)

    def claim_pinned(self, environment: str) -> None:
        """Check that the shared branch pins the newest release in the environment."""
        version, found = self.fact("version"), self.pinned(environment)
        self.claim(f"main pins {version} in {environment}", found == version, found)
