"""A store on the other end of a wire: any URL that fsspec knows (s3://, gs://, https:// …); the `[store]` extra.

Versions are fetched into a folder on this machine: into a temporary one first, compared with the manifest's digest, and
renamed, so that what has its place is whole.  What was fetched once is there at the next start, also without the store.
Only the watcher's thread waits for the store, and never longer than LIST_SECONDS for a listing.
"""

import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from pyapp import engine
from pyapp.packages.reader import check_digest
from pyapp.packages.store import NAME, VERSION, flush, take_away

from .store import FILES, Found, Listing

LIST_SECONDS = 30.0
FETCH_SECONDS = 600.0
MAX_FILE_BYTES = 8 << 30

_TAGS = ("ETag", "etag", "md5Hash", "LastModified", "mtime", "created")

T = TypeVar("T")

log = logging.getLogger(__name__)


class RemoteStore:
    """Lists and fetches; safe after a fork."""

    def __init__(self, url: str, cache: Path, **options: Any) -> None:
        """`url`: of the folder that holds <name>/<version>/.  `options` are the file system's."""
        self.url = url.rstrip("/")
        self.cache = cache
        self._options = options
        self._files: tuple[int, Any, str] | None = None
        self._listed = False

    def __str__(self) -> str:
        """The URL, without what may be a password in it."""
        return re.sub(r"//[^/@]*@", "//", self.url)

    def list(self) -> Listing:
        """What the store has; at a start without it, what it had when this machine saw it last.  Raises OSError."""
        try:
            found = self._within(LIST_SECONDS, self._list)
        except OSError:
            found = {} if self._listed else self._recall()
            if not found:
                raise
            log.warning("%s does not answer; serving what was fetched before", self)
            return found
        self._listed = True
        self._remember(found)
        return found

    def fetch(self, name: str, version: int) -> Path:
        """The version's files on this machine.  Raises OSError."""
        found = self._recall()[name][version]
        mark = hashlib.sha256(found.fingerprint.encode()).hexdigest()[:16]
        place = self.cache / name / f"{version}.{mark}"
        if not place.is_dir():
            self._within(FETCH_SECONDS, lambda: self._fetch(name, version, place))
        for other in place.parent.glob(f"{version}.*"):
            if other != place:  # an older form of the same version; whoever has its files mapped keeps them
                with suppress(FileNotFoundError):  # another process was faster
                    take_away(other)
        return place

    def was_removed(self, name: str, version: int) -> bool:
        """Nobody removes anything there through us."""
        return False

    def _list(self) -> Listing:
        files, root = self._open()
        found: Listing = {}
        for model in _names(files, root, NAME):
            versions = {}
            for version in _names(files, f"{root}/{model}", VERSION):
                versions[int(version)] = _look(files, f"{root}/{model}/{version}")
            if versions:
                found[model] = versions
        return found

    def _fetch(self, name: str, version: int, place: Path) -> None:
        files, root = self._open()
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".fetching-", dir=place.parent))
        try:
            for item in files.ls(f"{root}/{name}/{version}", detail=True):
                file = item["name"].rstrip("/").rsplit("/", 1)[-1]
                if item["type"] != "file" or file not in (*FILES, "samples.jsonl"):
                    continue
                if (item.get("size") or 0) > MAX_FILE_BYTES:
                    raise OSError(f"{file} is larger than {MAX_FILE_BYTES} bytes")
                files.get_file(item["name"], str(temporary / file))
                flush(temporary / file)
            try:
                check_digest(temporary)
            except engine.PackageError as error:
                raise OSError(f"what came is broken: {str(error).replace(f'{temporary}/', '')}") from error
            flush(temporary)
            try:
                temporary.rename(place)
            except OSError:
                if not place.is_dir():  # else another process was faster
                    raise
            flush(place.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _open(self) -> tuple[Any, str]:
        """The file system of this process, and the root within it."""
        if self._files is None or self._files[0] != os.getpid():
            try:
                import fsspec
            except ModuleNotFoundError as error:
                raise OSError(f"{self} needs {error.name}: pip install 'flask-serving[store]'") from error
            options = {"use_listings_cache": False, "skip_instance_cache": True, **self._options}
            try:
                files, root = fsspec.core.url_to_fs(self.url, **options)
            except (ValueError, ImportError) as error:
                raise OSError(f"{self}: {error}") from error
            self._files = (os.getpid(), files, root.rstrip("/"))
        return self._files[1:]

    def _within(self, seconds: float, call: Callable[[], T]) -> T:
        """The result of the call, or OSError: when it fails, and when it takes too long (it then goes on unseen)."""
        results: list[T] = []
        faults: list[BaseException] = []

        def run() -> None:
            try:
                results.append(call())
            except BaseException as error:  # it is raised again, in the thread that waits
                faults.append(error)

        thread = threading.Thread(target=run, name="store", daemon=True)
        thread.start()
        thread.join(seconds)
        if results:
            return results[0]
        if not faults:
            raise OSError(f"{self} did not answer within {seconds:.0f} s")
        if isinstance(faults[0], OSError):
            raise faults[0]
        raise OSError(f"{self}: {faults[0] or type(faults[0]).__name__}") from faults[0]

    def _remember(self, listing: Listing) -> None:
        text = json.dumps({name: {str(n): found for n, found in told.items()} for name, told in listing.items()})
        self.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=self.cache, prefix=".listing-", delete=False) as file:
            file.write(text)
        Path(file.name).replace(self.cache / "listing.json")

    def _recall(self) -> Listing:
        with suppress(OSError, ValueError, TypeError, AttributeError):
            listing = json.loads((self.cache / "listing.json").read_text(encoding="utf-8"))
            return {name: {int(n): Found(*found) for n, found in told.items()} for name, told in listing.items()}
        return {}


def _names(files: Any, folder: str, pattern: re.Pattern[str]) -> "list[str]":
    """Names of the folders in a folder that are named as models or versions are."""
    items = files.ls(folder, detail=True)
    names = {item["name"].rstrip("/").rsplit("/", 1)[-1] for item in items if _is_folder(item)}
    return sorted(name for name in names if pattern.fullmatch(name))


def _is_folder(item: dict[str, Any]) -> bool:
    """Web servers' listings tell a folder by its slash alone."""
    return item["type"] == "directory" or str(item["name"]).endswith("/")


def _look(files: Any, folder: str) -> Found:
    """Sizes, times and tags of the files, as far as the store tells them; else what the manifest says."""
    marks, tells = {}, False
    for item in files.ls(folder, detail=True):
        name = item["name"].rsplit("/", 1)[-1]
        if name in (*FILES, "samples.jsonl"):
            known = item if item.get("size") is not None else files.info(item["name"])
            tags = [str(known[key]) for key in _TAGS if known.get(key) is not None]
            tells = tells or bool(tags)
            marks[name] = ".".join([str(known.get("size")), *tags])
    missing = next((name for name in FILES if name not in marks), "")
    if not tells and not missing:  # a plain web server: the manifest has the digest of the weights
        marks["manifest"] = hashlib.sha256(files.cat_file(f"{folder}/model.json")).hexdigest()
    return Found(" ".join(f"{name}:{mark}" for name, mark in sorted(marks.items())), missing)


def cache_folder(url: str) -> Path:
    """Where versions from that store are kept, if nobody says otherwise."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "flask-serving" / "stores" / hashlib.sha256(url.encode()).hexdigest()[:16]
