"""Look through a store: what it holds, what is damaged, and remove what nobody needs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from mlgitops.core.digests import Digest, hex_of, parse_digest, short
from mlgitops.core.errors import MlgitopsError, StoreError
from mlgitops.core.holdings import Blob, Defect, Key
from mlgitops.core.layouts import LAYOUT, Root, index_bytes, roots_of
from mlgitops.files import copying
from mlgitops.store import locking
from mlgitops.store.blobs import Blobs
from mlgitops.store.work import Work

_HEX: Final = re.compile(r"[0-9a-f]{64}")


class Keeping(Blobs, Work):
    """See ``Store``: what `fsck` and `gc` ask for."""

    # -- what is there ----------------------------------------------------------------------

    def blobs(self) -> Iterator[Blob]:
        """See ``Store.blobs``."""
        for path in _listed(Path(self._blobs)):
            if _HEX.fullmatch(path.name):
                with suppress(FileNotFoundError):
                    found = path.stat()
                    yield Blob(Digest(f"sha256:{path.name}"), found.st_size, found.st_mtime)

    def remembered(self) -> Iterator[Key]:
        """See ``Store.remembered``."""
        for path in self._key_files():
            if _HEX.fullmatch(path.name):
                with suppress(FileNotFoundError):
                    used = path.stat().st_mtime
                    key = Digest(f"sha256:{path.name}")
                    yield Key(key, self._record_of(path), used)

    def busy(self) -> float | None:
        """See ``Store.busy``."""
        own = None if self._staging is None else Path(f"{self._staging.folder}.lock")
        return locking.started(self._tmp, but=own)

    def roots(self) -> Mapping[str, Root]:
        """See ``Store.roots``."""
        try:
            return roots_of((self.root / "index.json").read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StoreError(f"cannot read the store at {self.root}: {error.strerror}") from error
        except MlgitopsError:
            raise StoreError(
                f"{self.root / 'index.json'} is damaged", hint="`mlgitops fsck --repair`"
            ) from None

    def name(self, roots: Mapping[str, Root]) -> None:
        """See ``Store.name``."""
        if dict(self.roots()) != dict(roots):
            with self._translated("name what is kept"):
                self._write(index_bytes(roots), str(self.root / "index.json"))

    # -- removing ---------------------------------------------------------------------------

    def drop(self, digest: Digest, unused_since: float) -> bool:
        """See ``Store.drop``."""
        return self._drop(self._blob(digest), unused_since)

    def forget(self, key: Digest, unused_since: float) -> bool:
        """See ``Store.forget``."""
        gone = self._drop(self._key(key), unused_since)
        return self._drop(f"{self._keys}/{hex_of(key)}", unused_since) or gone

    def _drop(self, path: str, unused_since: float) -> bool:
        """Remove a file unless it was used since: nobody marks it as used meanwhile (`renew`)."""
        import fcntl

        with self._translated("remove what nobody needs"):
            try:
                handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return False
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                if os.fstat(handle).st_mtime >= unused_since:
                    return False
                os.unlink(path)  # noqa: PTH108
                return True
            finally:
                os.close(handle)

    # -- checking ---------------------------------------------------------------------------

    def check(self) -> Iterator[Defect]:
        """See ``Store.check``."""
        for path in _listed(Path(self._blobs)):
            yield from self._check_blob(path)
        for path in self._key_files():
            yield from self._check_key(path)
        yield from self._check_layout()
        for path in locking.leftovers(self._tmp):
            yield Defect(
                kind="leftover", path=path, message=f"{path}: left by a process that is dead"
            )

    def mend(self, defect: Defect) -> None:
        """See ``Store.mend``. What was a blob is moved aside: a person may want to look at it."""
        with self._translated("repair what is damaged"):
            path = Path(defect.path)
            match defect.kind:
                case "blob":
                    aside = self.root / "damaged"
                    aside.mkdir(exist_ok=True)
                    path.replace(aside / path.name)
                case "key":
                    path.unlink(missing_ok=True)
                case "layout":
                    content = LAYOUT if path.name == "oci-layout" else index_bytes({})
                    self._write(content, str(path))
                case "leftover":
                    locking.remove(path)
                case "stranger":
                    pass

    def _check_blob(self, path: Path) -> Iterator[Defect]:
        if not _HEX.fullmatch(path.name):
            message = f"{path}: no blob has such a name"
            yield Defect(kind="stranger", path=path, message=message)
            return
        digest = Digest(f"sha256:{path.name}")
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                found, _ = copying.digest_of(handle)
            finally:
                os.close(handle)
        except FileNotFoundError:
            return  # `gc` runs beside this
        except OSError as error:
            message = f"{path}: cannot be read: {error.strerror}"
            yield Defect(kind="blob", path=path, message=message, digest=digest)
            return
        if found != digest:
            message = self.damaged(digest).message
            yield Defect(kind="blob", path=path, message=message, digest=digest)

    def _check_key(self, path: Path) -> Iterator[Defect]:
        if not _HEX.fullmatch(path.name):
            message = f"{path}: no step key has such a name"
            yield Defect(kind="stranger", path=path, message=message)
            return
        record = self._record_of(path)
        if record is None:
            with suppress(FileNotFoundError):
                if path.stat().st_size:
                    yield Defect(kind="key", path=path, message=f"{path}: names no record")
        elif not self.has(record) and path.exists():
            message = f"{path}: its record {short(record)} is gone"
            yield Defect(kind="key", path=path, message=message, digest=record)

    def _check_layout(self) -> Iterator[Defect]:
        if not Path(self._blobs).exists():
            return
        for name in ("oci-layout", "index.json"):
            path = self.root / name
            message = f"{path}: missing or damaged"
            try:
                data = path.read_bytes()
                roots = {} if name == "oci-layout" else roots_of(data)
                if name == "oci-layout" and data != LAYOUT:
                    yield Defect(kind="layout", path=path, message=message)
            except (OSError, MlgitopsError):
                yield Defect(kind="layout", path=path, message=message)
                continue
            for tag, root in roots.items():
                if not self.has(root.digest, root.size):
                    message = f"{path}: {tag} is named, and its manifest is gone"
                    yield Defect(kind="layout", path=path, message=message, digest=root.digest)

    def _key_files(self) -> Iterator[Path]:
        for path in _listed(Path(self._keys)):
            if len(path.name) == 2 and path.is_dir():
                yield from _listed(path)
            else:
                yield path

    def _record_of(self, path: Path) -> Digest | None:
        """Return what a key file says, without marking it as used."""
        try:
            return parse_digest(path.read_text("ascii").rstrip("\n"))
        except (MlgitopsError, OSError, UnicodeDecodeError):
            return None


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"cannot read {folder}: {error.strerror}") from error
