"""`gc` beside a run: what is used again is never gone afterwards."""

import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

from mlgitops.core.digests import of_bytes, of_value
from mlgitops.core.layouts import Root
from mlgitops.store.local import LocalStore

OLD = 1_000_000_000


def test_what_is_put_or_recalled_again_at_the_same_time_is_there_afterwards(tmp_path: Path) -> None:
    code = """
        import os, sys
        from pathlib import Path
        from mlgitops.core.digests import hex_of, of_bytes, of_value
        from mlgitops.store.local import LocalStore
        store, other = LocalStore(Path(sys.argv[1])), LocalStore(Path(sys.argv[1]))
        for line in sys.stdin:
            number = int(line)
            print(store.drop(of_bytes(line.encode()), 1_500_000_000),
                  store.forget(of_value(number), 1_500_000_000), flush=True)
    """
    rival = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert rival.stdin is not None
    assert rival.stdout is not None
    store = LocalStore(tmp_path)
    dropped = 0
    for number in range(400):
        data = f"{number}\n".encode()
        digest, key = store.put_bytes(data), of_value(number)
        store.remember(key, digest)
        for path in (store._blob(digest), store._key(key)):
            os.utime(path, (OLD, OLD))
        rival.stdin.write(f"{number}\n")
        rival.stdin.flush()
        for _ in range(number % 40):  # meets it at another moment each time
            store.has(digest)
        store.put_bytes(data)
        recalled = store.recall(key)
        dropped += "True" in rival.stdout.readline()
        assert store.read(digest) == data
        if recalled is not None:
            assert store.recall(key) == digest
    rival.stdin.close()
    assert rival.wait() == 0
    rival.stdout.close()
    assert list(store.check()) == [] or dropped


def test_removing_waits_for_who_is_marking(tmp_path: Path) -> None:
    import fcntl

    store = LocalStore(tmp_path)
    digest = store.put_bytes(b"x")
    place = store._blob(digest)
    os.utime(place, (OLD, OLD))
    answers: list[bool] = []
    handle = os.open(place, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_SH)
    thread = threading.Thread(target=lambda: answers.append(store.drop(digest, OLD + 1)))
    thread.start()
    os.utime(handle)
    os.close(handle)
    thread.join()
    assert answers == [False]
    assert store.has(digest)
    os.utime(place, (OLD, OLD))
    assert store.drop(digest, OLD + 1)
    assert not store.drop(digest, OLD + 1)
    assert not store.has(digest)


def test_who_finds_a_key_just_removed_finds_nothing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    key, record = of_value(1), store.put_bytes(b"record")
    store.remember(key, record)
    os.utime(store._key(key), (OLD, OLD))
    assert [one.key for one in store.remembered()] == [key]
    assert store.forget(key, time.time() - 3600)
    assert store.recall(key) is None
    assert list(store.remembered()) == []


def test_names_are_replaced_whole(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    digest = store.put_bytes(b"{}")
    store.name({"churn@v1.0.0": Root(digest, 2)})
    assert store.roots() == {"churn@v1.0.0": Root(digest, 2)}
    assert list(store.check()) == []
    store.drop(digest, time.time() + 10)
    assert [one.digest for one in store.check()] == [of_bytes(b"{}")]
    store.name({})
    assert store.roots() == {}
    assert list(store.check()) == []
