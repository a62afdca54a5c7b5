"""The registry: every version of every model in the store, loaded or with the reason why not.

The store is a folder of `<name>/<version>/` (docs/package.md).  A reader takes the current snapshot, which never
changes; `reload` builds the next one aside and swaps one pointer, so a request sees the old state or the new, whole.
"""

import logging
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from pyapp import engine

from .drift import counts_folder
from .manifest import Description, describe

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_VERSION = re.compile(r"[1-9][0-9]{0,17}")

log = logging.getLogger(__name__)


class VersionLookupError(Exception):
    """No version can answer; the message names those that can."""


class UnknownVersionError(VersionLookupError):
    """There is no such model or version."""


class AmbiguousModelError(VersionLookupError):
    """No model was named, and there are several."""


class UnavailableError(VersionLookupError):
    """It exists but could not be loaded."""


class State(StrEnum):
    """What a version is in."""

    AVAILABLE = "AVAILABLE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of one model; `model` is None and `reason` says why if it failed to load."""

    name: str
    number: int
    model: engine.Model | None = None
    reason: str = ""
    description: Description = field(default_factory=Description)

    @property
    def state(self) -> State:
        """AVAILABLE answers, FAILED does not."""
        return State.FAILED if self.model is None else State.AVAILABLE


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that the store held at one moment: name → versions, newest first."""

    models: Mapping[str, tuple[Version, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def available(self) -> dict[str, list[int]]:
        """The versions that answer, ascending, of each model that has one."""
        found = {name: _numbers(versions) for name, versions in self.models.items()}
        return {name: numbers for name, numbers in found.items() if numbers}

    def default(self, name: str) -> int | None:
        """The version that answers when none is asked for: the newest that could be loaded."""
        numbers = _numbers(self.models.get(name, ()))
        return numbers[-1] if numbers else None

    def find(self, name: str | None = None, number: int | None = None) -> engine.Model:
        """The model to answer with.  Without a name the only one; without a number its default version.

        Raises UnknownVersionError, AmbiguousModelError or UnavailableError.
        """
        versions = self.models.get(self._only_name() if name is None else name)
        if versions is None:
            raise UnknownVersionError(f"no model is named {name!r}; {_listed('models', self.models)}")
        chosen = self.default(versions[0].name) if number is None else number
        version = next((version for version in versions if version.number == chosen), None)
        if version is not None and version.model is not None:
            return version.model
        working = _listed("versions that answer", _numbers(versions))
        if number is None:
            newest = versions[0]
            raise UnavailableError(f"no version of {newest.name} could be loaded; {newest.number}: {newest.reason}")
        if version is None:
            raise UnknownVersionError(f"{versions[0].name} has no version {number}; {working}")
        raise UnavailableError(f"version {number} of {version.name} could not be loaded: {version.reason}; {working}")

    def _only_name(self) -> str:
        if not self.models:
            raise UnavailableError("no model is in the store")
        if len(self.models) > 1:
            raise AmbiguousModelError(f"say which model by ?model=NAME; {_listed('models', self.models)}")
        return next(iter(self.models))


class Registry:
    """Serves the current snapshot; safe to read from any thread."""

    def __init__(self, store: Path) -> None:
        """`store`: the folder of `<name>/<version>/`.  Nothing is loaded before `reload`."""
        self.store = store
        self._snapshot = Snapshot()
        self._reloading = threading.Lock()

    @property
    def snapshot(self) -> Snapshot:
        """What is served now.  Take it once per request."""
        return self._snapshot

    def find(self, name: str | None = None, number: int | None = None) -> engine.Model:
        """As Snapshot.find, in the current snapshot."""
        return self._snapshot.find(name, number)

    def reload(self) -> Snapshot:
        """Loads every version that the store holds and serves them from now on.

        A version that is broken becomes FAILED with a reason; it disturbs no other.  If the store itself cannot be
        listed, OSError is raised and the versions served before stay.
        """
        with self._reloading:
            models = {name: tuple(map(_load, folders)) for name, folders in _scan(self.store).items()}
            self._snapshot = Snapshot(MappingProxyType(models))
            return self._snapshot


def _numbers(versions: tuple[Version, ...]) -> list[int]:
    return sorted(version.number for version in versions if version.model is not None)


def _listed(what: str, names: Mapping[str, object] | list[int]) -> str:
    return f"{what}: {', '.join(map(str, names)) or 'none'}"


def _scan(store: Path) -> dict[str, list[Path]]:
    """The version folders of each model, newest first.  Whatever isn't named as one is not the registry's."""
    found = {}
    for folder in sorted(store.iterdir()):
        if _NAME.fullmatch(folder.name) and folder.is_dir():
            versions = [item for item in _listing(folder) if _VERSION.fullmatch(item.name) and item.is_dir()]
            if versions:
                found[folder.name] = sorted(versions, key=lambda item: int(item.name), reverse=True)
    return found


def _listing(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        log.warning("%s is passed over: %s", folder, error)
        return []


def _load(folder: Path) -> Version:
    name, number = folder.parent.name, int(folder.name)
    try:
        model = engine.Model.load(folder, name=name, version=number, counts=counts_folder())
        return Version(name, number, model, description=describe(model))
    except Exception as error:  # whatever is wrong with one version, the others must be served
        # Where the store lies is nobody's business outside.
        reason = str(error).replace(f"{folder}/", "") or type(error).__name__
        log.warning("%s version %d could not be loaded: %s", name, number, reason)
        return Version(name, number, reason=reason)
