"""Finds what may leave the disk: leftovers of what was interrupted, fetched versions, counts, old versions."""

import re
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pyapp import engine
from pyapp.packages import load
from pyapp.packages import store as folders
from pyapp.serving import counts
from pyapp.serving.routing import NO_ROUTING, Routing
from pyapp.serving.store import FolderStore, Listing, Store

TOUCHED_SECONDS = 3600
"""Whoever writes something touches it more often."""

_IN_STORE = re.compile(r"\.upload-[0-9a-f]{16}")
_IN_MODEL = re.compile(r"\.[1-9][0-9]*\.(?:[0-9a-f]{16}(?:\.removed)?|removed)")
_IN_CACHE = re.compile(r"\.listing-.+")
_IN_CACHED_MODEL = re.compile(r"\.fetching-.+|\.[1-9][0-9]*\.[0-9a-f]{16}\.[0-9a-f]{16}\.removed")
_FETCHED = re.compile(r"([1-9][0-9]*)\.[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Rubbish:
    """A folder or file that may go."""

    what: str
    """For people."""
    path: Path
    bytes: int
    version: tuple[str, int] | None = None
    """Name and number, if it is a version of the store, which leaves it in one step."""


def leftovers(store: Store) -> Iterator[Rubbish]:
    """What an import, upload, removal or fetch left that was killed."""
    root = _root(store)
    in_root, in_model = (_IN_STORE, _IN_MODEL) if isinstance(store, FolderStore) else (_IN_CACHE, _IN_CACHED_MODEL)
    for item in _items(root):
        if in_root.fullmatch(item.name):
            yield from _untouched(item)
        elif folders.NAME.fullmatch(item.name) and item.is_dir() and not item.is_symlink():
            for inner in _items(item):
                if in_model.fullmatch(inner.name):
                    yield from _untouched(inner)


def stale_fetches(store: Store, listing: Listing) -> Iterator[Rubbish]:
    """Versions on this machine that a remote store does not have any more; none if it has nothing at all."""
    if isinstance(store, FolderStore) or not listing:
        return
    for model in _items(_root(store)):
        if not folders.NAME.fullmatch(model.name) or not model.is_dir():
            continue
        for item in _items(model):
            match = _FETCHED.fullmatch(item.name)
            if match and int(match[1]) not in listing.get(model.name, {}):
                yield Rubbish("fetched, not in the store any more", item, _bytes(item))


def stale_counts(store: Store, listing: Listing) -> Iterator[Rubbish]:
    """Counts of versions that the store does not have any more; none if it has nothing at all."""
    folder = counts.counts_folder(_root(store))
    if folder is None or not listing:
        return
    there = {(name[: counts.NAME_LENGTH], number) for name, found in listing.items() for number in found}
    for item in _items(folder):
        match = counts.FILE.fullmatch(item.name)
        if match and match["draft"]:
            yield from _untouched(item)
        elif match and (match["name"], int(match["version"])) not in there:
            yield from _untouched(item, "counts of a version that is gone")


def old_versions(store: Store, listing: Listing, decided: Mapping[str, Routing], keep: int) -> Iterator[Rubbish]:
    """Versions behind the `keep` newest ones that can be loaded, if no decision, past ones included, names them.

    Raises StoreError if versions can't be removed there.
    """
    if not isinstance(store, FolderStore):
        raise folders.StoreError(f"the models lie in {store}: old versions must be removed there, without --keep here")
    for name, found in listing.items():
        named = _named(decided.get(name, NO_ROUTING))
        working = 0
        for number in sorted(found, reverse=True):
            if working >= keep and number not in named and not found[number].missing:
                folder = folders.folder_of(store.folder, name, number)
                yield Rubbish("old version", folder, _bytes(folder), (name, number))
            elif working < keep:
                working += _works(store.fetch(name, number), name, number)


def remove_all(found: list[Rubbish]) -> None:
    """Versions, fetched ones too, leave in one step: nobody sees half of one.  Raises StoreError or OSError."""
    for item in found:
        if item.version is not None:
            name, number = item.version
            folders.remove(item.path.parent.parent, name, number)
        elif _FETCHED.fullmatch(item.path.name):
            folders.take_away(item.path)
        elif item.path.is_dir():
            shutil.rmtree(item.path, ignore_errors=True)
        else:
            item.path.unlink(missing_ok=True)


def _named(routing: Routing) -> set[int]:
    """By what is decided, and by what a rollback may go back to."""
    policy = routing.policy.numbers if routing.policy else frozenset()
    return routing.pinned() | set(routing.promoted) | {n for past in routing.labels.values() for n in past} | policy


def _works(folder: Path, name: str, number: int) -> bool:
    try:
        load(folder, name=name, version=number)
    except (engine.Error, OSError):
        return False
    return True


def _root(store: Store) -> Path:
    if isinstance(store, FolderStore):
        return store.folder
    from pyapp.serving.remote import RemoteStore

    assert isinstance(store, RemoteStore)  # noqa: S101 -- there is no third kind
    return store.cache


def _untouched(path: Path, what: str = "left by what was interrupted") -> Iterator[Rubbish]:
    """Nothing, if somebody may be at it."""
    try:
        touched = max(item.lstat().st_mtime for item in (path, *path.rglob("*")))
    except OSError:  # it goes just now
        return
    if time.time() - touched > TOUCHED_SECONDS:
        yield Rubbish(what, path, _bytes(path))


def _bytes(path: Path) -> int:
    try:
        return sum(item.lstat().st_size for item in (path, *path.rglob("*")) if not item.is_dir())
    except OSError:
        return 0


def _items(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
