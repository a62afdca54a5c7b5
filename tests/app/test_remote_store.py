"""Stores on the other end of a wire: an S3-compatible server, a plain web server, and both of them failing."""

import functools
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pyapp import packages
from pyapp.cli.rubbish import TOUCHED_SECONDS, leftovers, remove_all
from pyapp.serving import remote
from pyapp.serving.registry import Registry
from pyapp.serving.remote import RemoteStore
from running_server import free_port

Write = Callable[..., Path]

AWS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}


class Web:
    """Python's own web server over a folder: its listings are HTML, as nginx's and Apache's are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.server: http.server.ThreadingHTTPServer | None = None
        self.start()

    def start(self) -> None:
        class Quiet(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Nothing."""

        handler = functools.partial(Quiet, directory=str(self.folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def web(store: Path) -> Iterator[Web]:
    server = Web(store)
    yield server
    server.stop()


def follow(url: str, cache: Path) -> Registry:
    registry = Registry(RemoteStore(url, cache))
    registry.reload()
    return registry


def test_models_behind_a_web_server(web: Web, store: Path, write_network: Write, tmp_path: Path) -> None:
    registry = follow(web.url, tmp_path / "cache")
    assert registry.snapshot.available() == {"pets": [1, 2]}
    write_network(store / "pets" / "3")
    registry.reload()
    assert registry.find("pets").version == 3


def test_what_was_fetched_serves_while_the_store_is_away(web: Web, store: Path, tmp_path: Path) -> None:
    registry = follow(web.url, tmp_path / "cache")
    web.stop()
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        registry.reload()
    assert registry.find("pets").version == 2
    assert follow(web.url, tmp_path / "cache").find("pets").version == 2, "a start without the store"
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        follow(web.url, tmp_path / "empty")


def test_a_slow_store_keeps_nobody_waiting_for_long(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "LIST_SECONDS", 0.2)
    slow = RemoteStore(web.url, tmp_path / "cache")
    monkeypatch.setattr(slow, "_list", lambda: time.sleep(5))
    begun = time.monotonic()
    with pytest.raises(OSError, match="did not answer within"):
        slow.list()
    assert time.monotonic() - begun < 3


def test_files_that_change_are_fetched_again_and_the_old_ones_go(
    web: Web, store: Path, write_network: Write, tmp_path: Path
) -> None:
    registry = follow(web.url, tmp_path / "cache")
    before = registry.find("pets", 2).predict([1, 2, 3, 4]).tolist()
    shutil.rmtree(store / "pets" / "2")
    folder = write_network(store / "pets" / "2", 77)  # of the same sizes, and this web server tells no times
    digest = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    manifest = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**manifest, "weights_sha256": digest}))
    registry.reload()
    assert registry.find("pets", 2).predict([1, 2, 3, 4]).tolist() != before
    assert len(list((tmp_path / "cache" / "pets").glob("2.*"))) == 1


def test_a_form_whose_removal_was_cut_off_is_fetched_anew(
    store: Path, write_network: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(folder: Path, **_: object) -> None:
        (folder / "model.json").unlink(missing_ok=True)

    cache, place = tmp_path / "cache", store / "pets" / "2"
    remote = RemoteStore(store.as_uri(), cache)
    remote.list()
    first = remote.fetch("pets", 2)
    place.rename(tmp_path / "first")
    write_network(place, 77)
    remote.list()
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", cut_off)
        remote.fetch("pets", 2)
    shutil.rmtree(place)
    (tmp_path / "first").rename(place)
    remote.list()
    assert remote.fetch("pets", 2) == first
    packages.load(first, name="pets", version=2)
    for item in cache.rglob("*"):
        os.utime(item, (time.time() - 2 * TOUCHED_SECONDS,) * 2)
    remove_all(list(leftovers(remote)))
    assert [item.name for item in (cache / "pets").iterdir()] == [first.name]


def test_what_came_damaged_is_not_kept(web: Web, store: Path, tmp_path: Path) -> None:
    manifest = store / "pets" / "2" / "model.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "weights_sha256": "0" * 64}))
    registry = follow(web.url, tmp_path / "cache")
    assert registry.find("pets").version == 1
    assert "its SHA-256 is" in registry.snapshot.models["pets"].versions[0].reason
    assert not list((tmp_path / "cache" / "pets").glob("2.*"))
    assert not list((tmp_path / "cache" / "pets").glob(".fetching*"))


def test_urls_keep_their_password_to_themselves(tmp_path: Path) -> None:
    store = RemoteStore("http://user:secret@127.0.0.1:1/models", tmp_path)
    assert "secret" not in str(store)
    with pytest.raises(OSError, match=r"127\.0\.0\.1") as told:
        store.list()
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("url", ["nonsense://bucket/models", "s3:///"])
def test_a_url_that_is_none(url: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"nonsense|s3|[Bb]ucket"):
        RemoteStore(url, tmp_path).list()


@contextmanager
def moto() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            for _ in range(300):
                try:
                    urllib.request.urlopen(f"{url}/moto-api/", timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield url
        finally:
            process.terminate()


def test_models_in_a_bucket(store: Path, write_network: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    import s3fs

    with moto() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        bucket = s3fs.S3FileSystem(endpoint_url=url)
        bucket.mkdir("shop")
        bucket.put(str(store), "shop/models", recursive=True)
        registry = follow("s3://shop/models", tmp_path / "cache")
        assert registry.snapshot.available() == {"pets": [1, 2]}

        write_network(store / "pets" / "3")
        bucket.put_file(str(store / "pets/3/weights.safetensors"), "shop/models/pets/3/weights.safetensors")
        registry.reload()
        assert "model.json is missing" in registry.snapshot.models["pets"].versions[0].reason
        bucket.put_file(str(store / "pets/3/model.json"), "shop/models/pets/3/model.json")
        registry.reload()
        assert registry.find("pets").version == 3

        if pid := os.fork():
            assert os.waitpid(pid, 0)[1] == 0, "a child can follow the store too"
        else:
            registry.after_fork()
            registry.reload()
            os._exit(0 if registry.find("pets").version == 3 else 1)
