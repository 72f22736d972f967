"""What a repository knows beyond its files, looked up when a rule asks for it and not before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from mlgitops.core.facts import Facts
from mlgitops.git import Repository


class Releases(Mapping[str, Mapping[str, str]]):
    """Model to version to digest, as the tags of ``repository`` describe them."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository

    @cached_property
    def _known(self) -> dict[str, dict[str, str]]:
        from mlgitops.flow.releases import heads

        known: dict[str, dict[str, str]] = {}
        for one in heads(self.repository):
            known.setdefault(one.model, {})[str(one.version)] = one.digest
        return known

    @property
    def asked(self) -> bool:
        """Return whether anybody looked for a release."""
        return "_known" in self.__dict__

    def __getitem__(self, model: str) -> Mapping[str, str]:
        return self._known[model]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def gather(repository: Repository) -> Facts:
    """Return what the repository knows beyond its files: the releases that its tags describe."""
    return Facts(releases=Releases(repository))
