"""A store in memory. It refuses what the real one refuses."""

import hashlib
import io
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import BinaryIO

from mlgitops.core import folders
from mlgitops.core.digests import Digest, hex_of, of_bytes, short
from mlgitops.core.errors import Refused, StoreError
from mlgitops.core.folders import File, Folder
from mlgitops.core.holdings import Blob, Defect, Key
from mlgitops.core.layouts import Root


class MemoryStore:
    """See `mlgitops.store.Store`; `full` makes every write fail as a full disk does."""

    def __init__(self, folder: Path) -> None:
        self.full = False
        self.blobs_here: dict[Digest, bytes] = {}
        self.known: dict[Digest, Digest] = {}
        self.used: dict[Digest, float] = {}
        self.named: dict[str, Root] = {}
        self._folder = folder
        self._locks: dict[Digest, threading.Lock] = defaultdict(threading.Lock)

    def has(self, digest: Digest, size: int | None = None) -> bool:
        return digest in self.blobs_here and size in (None, len(self.blobs_here[digest]))

    @contextmanager
    def open(self, digest: Digest) -> Iterator[BinaryIO]:
        yield io.BytesIO(self.read(digest))

    def read(self, digest: Digest) -> bytes:
        if digest not in self.blobs_here:
            raise StoreError(f"{digest} is not in the store")
        data = self.blobs_here[digest]
        if of_bytes(data) != digest:
            raise StoreError(f"{digest} is damaged")
        return data

    def path(self, digest: Digest) -> Path:
        place = self._folder / hex_of(digest)
        data = self.read(digest)
        place.unlink(missing_ok=True)
        place.write_bytes(data)
        place.chmod(0o444)
        return place

    def put(self, source: BinaryIO) -> Digest:
        hasher, pieces = hashlib.sha256(), []
        while piece := source.read(1 << 20):
            hasher.update(piece)
            pieces.append(piece)
        self._write()
        digest = Digest("sha256:" + hasher.hexdigest())
        self.blobs_here[digest] = b"".join(pieces)
        self.used[digest] = time.time()
        return digest

    def put_bytes(self, data: bytes) -> Digest:
        return self.put(io.BytesIO(data))

    def place(self, digest: Digest, goal: Path, *, executable: bool = False) -> None:
        data = self.read(digest)
        with goal.open("xb") as stream:
            stream.write(data)
        goal.chmod(0o755 if executable else 0o644)

    def put_file(self, path: Path, *, move: bool = False) -> Digest:
        if not path.is_file():
            raise Refused(f"{path} is no plain file")
        digest = self.put_bytes(path.read_bytes())
        if move:
            path.unlink()
        return digest

    def put_tree(self, folder: Path, *, move: bool = False) -> Digest:
        files, empty = {}, []
        for path in sorted(folder.rglob("*")):
            name = folders.checked(path.relative_to(folder).as_posix())
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise Refused(f"{path} is a symbolic link, or a pipe")
            if path.is_file():
                data, executable = path.read_bytes(), bool(path.stat().st_mode & 0o100)
                files[name] = File(self.put_bytes(data), len(data), executable)
            elif not any(path.iterdir()):
                empty.append(name)
        return self.put_bytes(folders.to_bytes(Folder(files=files, empty=tuple(empty))))

    def tree(self, digest: Digest) -> Folder:
        return folders.from_bytes(self.read(digest))

    def has_tree(self, digest: Digest) -> bool:
        return self.has(digest) and all(self.has(*blob) for blob in self.tree(digest).blobs())

    def place_tree(self, digest: Digest, goal: Path, only: str | None = None) -> None:
        made = self.tree(digest)
        if only is not None:
            made = made.only(only)
        for path in ("", *made.empty):
            (goal / path).mkdir(parents=True, exist_ok=True)
        for path, file in made.files.items():
            (goal / path).parent.mkdir(parents=True, exist_ok=True)
            self.place(file.digest, goal / path, executable=file.executable)

    def flush(self) -> None:
        self._write()

    def is_here(self, digest: Digest, size: int | None = None) -> bool:
        return self.has(digest, size)

    def own(self, key: Digest) -> Digest | None:
        return self.recall(key)

    def vouched(self) -> "MemoryStore":
        return self

    def recall(self, key: Digest, *, here: bool = False) -> Digest | None:
        if key in self.known:
            self.used[key] = time.time()
        return self.known.get(key)

    def remember(self, key: Digest, record: Digest) -> None:
        self._write()
        self.known[key] = record
        self.used[key] = time.time()

    @contextmanager
    def lock(self, key: Digest, waiting: Callable[[], None] | None = None) -> Iterator[None]:
        self._write()
        held = self._locks[key]
        while not held.acquire(timeout=0.01):
            if waiting is not None:
                waiting()
        try:
            yield
        finally:
            held.release()

    @contextmanager
    def scratch(self, *inside: str) -> Iterator[Path]:
        self._write()
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            for name in inside:
                Path(folder, name).mkdir()
            yield Path(folder)

    def blobs(self) -> Iterator[Blob]:
        for digest, data in list(self.blobs_here.items()):
            yield Blob(digest, len(data), self.used.get(digest, 0))

    def remembered(self) -> Iterator[Key]:
        for key, record in list(self.known.items()):
            yield Key(key, record, self.used.get(key, 0))

    def busy(self) -> float | None:
        return None

    def roots(self) -> Mapping[str, Root]:
        return self.named

    def name(self, roots: Mapping[str, Root]) -> None:
        self._write()
        self.named = dict(roots)

    def drop(self, digest: Digest, unused_since: float) -> bool:
        if self.used.get(digest, 0) >= unused_since:
            return False
        return self.blobs_here.pop(digest, None) is not None

    def forget(self, key: Digest, unused_since: float) -> bool:
        if self.used.get(key, 0) >= unused_since:
            return False
        return self.known.pop(key, None) is not None

    def check(self) -> Iterator[Defect]:
        for digest, data in list(self.blobs_here.items()):
            if of_bytes(data) != digest:
                path, message = PurePath(hex_of(digest)), f"{digest} is damaged"
                yield Defect(kind="blob", path=path, message=message, digest=digest)
        for key, record in list(self.known.items()):
            if record not in self.blobs_here:
                message = f"{short(key)}: its record {short(record)} is gone"
                path = PurePath(hex_of(key))
                yield Defect(kind="key", path=path, message=message, digest=record)

    def mend(self, defect: Defect) -> None:
        name = Digest(f"sha256:{defect.path}")
        (self.blobs_here if defect.kind == "blob" else self.known).pop(name, None)

    def _write(self) -> None:
        if self.full:
            raise StoreError("cannot write: No space left on device")
