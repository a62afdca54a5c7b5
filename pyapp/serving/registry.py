"""The registry: follows the store, and serves what the policy wants of it.

A reader takes the current snapshot, which never changes.  `reload` looks at the store, loads what is new beside what is
served, and swaps one pointer when a version is checked and warm; only then does an older one leave.  Whatever fails is
said in the state of the version that it concerns, and disturbs no other.  The last version of a model that can answer
never leaves, whatever becomes of the store, unless somebody has removed it there.
"""

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from pyapp import engine, packages

from .counts import counts_folder
from .drift import Training
from .manifest import describe
from .policy import Policy
from .routing import NO_ROUTING, Routing
from .snapshot import Entry, Snapshot, listed
from .store import FolderStore, Found, Listing, Store
from .versions import State, UnknownVersionError, Version

FIRST_RETRY_SECONDS = 2.0
LONGEST_RETRY_SECONDS = 300.0
REMEMBERED_ENDS = 5
"""How many versions that are gone each model's status still lists."""

log = logging.getLogger(__name__)

Load = Callable[[Path, str, int], engine.Model]


def load_package(folder: Path, name: str, version: int) -> engine.Model:
    """What a registry loads with: the digest of the weights, the engine's own checks, and the samples."""
    counts = counts_folder(folder.parent.parent)
    return packages.load(folder, name=name, version=version, counts=str(counts) if counts else None)


@dataclass(slots=True)
class _Failure:
    """A version that could not be loaded, and when it is tried again."""

    fingerprint: str
    reason: str
    again: float
    delay: float


@dataclass(slots=True)
class _Followed:
    """What the registry knows of one model."""

    loaded: dict[int, Version] = field(default_factory=dict)
    failures: dict[int, _Failure] = field(default_factory=dict)
    draining: list[Version] = field(default_factory=list)
    ended: deque[int] = field(default_factory=lambda: deque(maxlen=REMEMBERED_ENDS))
    found: Mapping[int, Found] = field(default_factory=dict)
    loading: int | None = None


class Registry:
    """Serves the current snapshot; safe to read from any thread.  One `reload` runs at a time."""

    def __init__(
        self,
        store: Store | Path,
        policy: Policy | None = None,
        load: Load = load_package,
        default_model: str = "",
    ) -> None:
        """`store`: or the folder of `<name>/<version>/`.  Nothing is loaded before `reload`."""
        self.store: Store = FolderStore(store) if isinstance(store, Path) else store
        self.policy = policy or Policy.parse("latest")
        self.error = ""
        """Why the store could not be listed the last time; empty if it could."""
        self._load = load
        self._followed: dict[str, _Followed] = {}
        self._routing: Mapping[str, Routing] = {}
        self._default_model = default_model
        self._snapshot = Snapshot(default_model=default_model)
        self._listeners: list[Callable[[Snapshot], None]] = []
        self._reloading = threading.Lock()
        self._changing = threading.Lock()
        """Guards all below `_followed` and the order of snapshots; never held while a version is loaded."""

    @property
    def snapshot(self) -> Snapshot:
        """What is served now.  Take it once per request."""
        return self._snapshot

    def find(
        self, name: str | None = None, number: int | None = None, label: str | None = None, key: bytes | None = None
    ) -> engine.Model:
        """As Snapshot.find, in the current snapshot."""
        return self._snapshot.find(name, number, label, key)

    def subscribe(self, listener: Callable[[Snapshot], None]) -> None:
        """`listener` is called with each new snapshot, by the thread that made it."""
        self._listeners.append(listener)

    def route(self, routing: Mapping[str, Routing]) -> None:
        """What people have decided, by model; takes effect at once, for the versions that are loaded."""
        with self._changing:
            self._routing = MappingProxyType(dict(routing))
            self._publish()

    def reload(self) -> Snapshot:
        """Brings what is served in line with store and policy.

        If the store can't be listed, OSError is raised and everything stays as it is.
        """
        with self._reloading:
            try:
                listing = self.store.list()
            except OSError as error:
                self.error = f"the store can't be listed: {error}"
                raise
            self.error = ""
            with self._changing:
                self._follow(listing)
            return self._snapshot

    def ensure(self, name: str, number: int) -> Version:
        """That version, loaded now if it is in the store and isn't yet, whatever the policy.

        Nothing keeps it but a decision that names it, taken before the next `reload`.  Raises UnknownVersionError,
        UnavailableError or OSError.
        """
        with self._reloading:
            found = self.store.list().get(name)
            if found is None and name not in self._followed:
                raise UnknownVersionError(f"no model is named {name!r}; {listed('models', self._snapshot.models)}")
            with self._changing:
                followed = self._followed.setdefault(name, _Followed())
                followed.found = found or followed.found
                self._load_wanted(name, followed)
                if number not in followed.loaded and number in followed.found and not followed.found[number].missing:
                    self._load_version(name, followed, number)
                self._publish()
            self._snapshot.find(name, number)
            return self._snapshot.models[name].version(number)

    def after_fork(self) -> None:
        """In a child, whose parent may have been reloading in another thread."""
        self._reloading = threading.Lock()
        self._changing = threading.Lock()

    def _follow(self, listing: Listing) -> None:
        for name, found in listing.items():
            followed = self._followed.setdefault(name, _Followed())
            followed.found = found
            self._load_wanted(name, followed)
            self._unload(name, followed)
        for name in self._followed.keys() - listing.keys():
            followed = self._followed[name]
            followed.found = {}
            self._unload(name, followed)
        for name, followed in list(self._followed.items()):
            self._end_drained(followed)
            if not (followed.loaded or followed.found or followed.draining):
                del self._followed[name]
        self._publish()

    def _wanted(self, name: str, followed: _Followed) -> set[int]:
        """Of the versions in the store, those that the policy wants and that may work."""
        routing = self._routing.get(name, NO_ROUTING)
        working = [n for n, found in followed.found.items() if not found.missing and not self._is_hopeless(followed, n)]
        return (routing.policy or self.policy).wanted(working, routing.pinned())

    @staticmethod
    def _is_hopeless(followed: _Followed, number: int) -> bool:
        """It failed, its files are the same, it is not time to try again, and no earlier load of it still serves."""
        failure = followed.failures.get(number)
        return (
            failure is not None
            and number not in followed.loaded
            and failure.fingerprint == followed.found[number].fingerprint
        )

    def _load_wanted(self, name: str, followed: _Followed) -> None:
        """Newest first; a version that fails makes room for the next one that the policy then wants."""
        tried: set[int] = set()
        for number in self._due(followed):
            tried.add(number)
            self._load_version(name, followed, number)
        while True:
            missing = [
                number
                for number in sorted(self._wanted(name, followed) - tried, reverse=True)
                if self._is_new(followed, number)
            ]
            if not missing:
                return
            tried.add(missing[0])
            self._load_version(name, followed, missing[0])

    def _due(self, followed: _Followed) -> list[int]:
        """Failed versions with the same files that it is time to try again."""
        now = time.monotonic()
        return [
            number
            for number, failure in followed.failures.items()
            if number in followed.found
            and not followed.found[number].missing
            and failure.fingerprint == followed.found[number].fingerprint
            and now >= failure.again
        ]

    @staticmethod
    def _is_new(followed: _Followed, number: int) -> bool:
        """Not loaded from these files, nor known to fail with them."""
        fingerprint = followed.found[number].fingerprint
        loaded, failure = followed.loaded.get(number), followed.failures.get(number)
        return not (loaded and loaded.fingerprint == fingerprint) and not (
            failure and failure.fingerprint == fingerprint
        )

    def _load_version(self, name: str, followed: _Followed, number: int) -> None:
        fingerprint = followed.found[number].fingerprint
        followed.loading = number
        self._publish()
        try:
            with self._unlocked():
                model = self._load(self.store.fetch(name, number), name, number)
            version = Version(
                name, number, State.AVAILABLE, model, "", describe(model), fingerprint, Training.of(model)
            )
        except Exception as error:  # whatever is wrong with one version, the others must be served
            self._remember_failure(name, followed, number, fingerprint, error)
        else:
            if number in followed.loaded:
                followed.draining.append(followed.loaded[number])
            followed.loaded[number] = version
            followed.failures.pop(number, None)
            log.info("%s version %d is available", name, number)
        finally:
            followed.loading = None
            self._publish()

    @contextmanager
    def _unlocked(self) -> Iterator[None]:
        """While something takes long, others may look and decide."""
        self._changing.release()
        try:
            yield
        finally:
            self._changing.acquire()

    def _remember_failure(
        self, name: str, followed: _Followed, number: int, fingerprint: str, error: Exception
    ) -> None:
        # Where the store lies is nobody's business outside.
        reason = str(error).replace(f"{self.store}/{name}/{number}/", "") or type(error).__name__
        before = followed.failures.get(number)
        again = before is not None and before.fingerprint == fingerprint
        delay = min(before.delay * 2, LONGEST_RETRY_SECONDS) if again and before else FIRST_RETRY_SECONDS
        followed.failures[number] = _Failure(fingerprint, reason, time.monotonic() + delay, delay)
        if not again:
            log.warning("%s version %d could not be loaded: %s", name, number, reason)

    def _unload(self, name: str, followed: _Followed) -> None:
        """What is not wanted any more leaves, unless nothing that answers would be left and nobody asked for that."""
        wanted = self._wanted(name, followed)
        staying = [number for number in followed.loaded if number in wanted]
        policy = self._routing.get(name, NO_ROUTING).policy
        if not staying and followed.loaded and not (policy and policy.none):
            kept = [n for n in followed.loaded if n in followed.found or not self.store.was_removed(name, n)]
            default = self._entry(name, followed).default
            staying = [default] if default in kept else kept[-1:]
        for number in [number for number in followed.loaded if number not in staying]:
            followed.draining.append(followed.loaded.pop(number))
            log.info("%s version %d is being unloaded", name, number)
        followed.failures = {number: f for number, f in followed.failures.items() if number in followed.found}
        if followed.draining:
            self._publish()

    @staticmethod
    def _end_drained(followed: _Followed) -> None:
        """Lets go of models that no request has any more; whoever has one keeps it alive until it is answered."""
        for version in list(followed.draining):
            # Referred to by the version, by the local name below, and by the call.
            model = version.model
            if model is None or sys.getrefcount(model) <= 3:
                followed.draining.remove(version)
                if version.number not in followed.loaded and version.number not in followed.ended:
                    followed.ended.append(version.number)
            del model

    def _publish(self) -> None:
        entries = {
            name: self._entry(name, followed)
            for name, followed in sorted(self._followed.items())
            if followed.loaded or followed.found or followed.draining
        }
        self._snapshot = Snapshot(MappingProxyType(entries), self._default_model)
        for listener in self._listeners:
            listener(self._snapshot)

    def _entry(self, name: str, followed: _Followed) -> Entry:
        numbers = {*followed.found, *followed.loaded, *followed.ended, *(v.number for v in followed.draining)}
        versions = tuple(self._version(name, followed, number) for number in sorted(numbers, reverse=True))
        return Entry(name, versions, self._routing.get(name, NO_ROUTING))

    def _version(self, name: str, followed: _Followed, number: int) -> Version:
        """The state of one version, for all to see."""
        failure, found = followed.failures.get(number), followed.found.get(number)
        loaded = followed.loaded.get(number)
        if loaded is not None:
            if failure is not None:
                return replace(loaded, reason=f"serves what it was; its files have changed and fail: {failure.reason}")
            return loaded if found is not None else replace(loaded, reason="is not in the store any more")
        if followed.loading == number:
            return Version(name, number, State.LOADING)
        if any(version.number == number for version in followed.draining):
            return Version(name, number, State.UNLOADING)
        if failure is not None:
            return Version(name, number, State.FAILED, reason=failure.reason, fingerprint=failure.fingerprint)
        if number in followed.ended:
            return Version(name, number, State.END, reason="" if found is None else "not wanted by the policy")
        missing = found.missing if found is not None else ""
        reason = f"{missing} is missing: still being copied?" if missing else "not wanted by the policy"
        return Version(name, number, State.START, reason=reason)
