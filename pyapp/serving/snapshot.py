"""What is served at one moment.  Immutable: a request takes it once and sees the old state or the new, whole."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from pyapp import engine

from .routing import NO_ROUTING, Routing
from .versions import AmbiguousModelError, State, UnavailableError, UnknownVersionError, Version


@dataclass(frozen=True, slots=True)
class Entry:
    """One model: its versions, newest first, and what was decided about it."""

    name: str
    versions: tuple[Version, ...]
    routing: Routing = NO_ROUTING
    available: Mapping[int, engine.Model] = field(init=False)
    """Version → model, of those that can answer; ascending."""
    default: int | None = field(init=False)
    """The version that answers when none is asked for."""

    def __post_init__(self) -> None:
        models = {v.number: v.model for v in reversed(self.versions) if v.model and v.state is State.AVAILABLE}
        object.__setattr__(self, "available", MappingProxyType(models))
        promoted = next((number for number in self.routing.promoted if number in models), None)
        object.__setattr__(self, "default", promoted if promoted is not None else max(models, default=None))

    def labels(self) -> dict[str, int]:
        """Label → the version that answers for it: the last one given to it that is available."""
        found = {}
        for label, history in self.routing.labels.items():
            number = next((number for number in history if number in self.available), None)
            if number is not None:
                found[label] = number
        return found

    def resolve(self, target: str) -> int | None:
        """The available version that a target (a number or a label) means, or None."""
        if target.isdecimal():
            return int(target) if int(target) in self.available else None
        return self.labels().get(target)

    def version(self, number: int) -> Version:
        """That version, whatever its state.  Raises UnknownVersionError."""
        version = next((version for version in self.versions if version.number == number), None)
        if version is None or (version.state is State.END and not version.reason):
            raise UnknownVersionError(
                f"{self.name} has no version {number}; {listed('versions that answer', self.available)}"
            )
        return version

    def choose(self, key: bytes | None) -> int | None:
        """The version for a request that names none: by the split, where there is one, and the request's sticky key."""
        if self.routing.split is not None and key is not None:
            chosen = self.resolve(self.routing.split.target(sticky_number(key)))
            if chosen is not None:
                return chosen
        return self.default

    def find(self, number: int | None = None, label: str | None = None, key: bytes | None = None) -> engine.Model:
        """The model that answers.  Raises UnknownVersionError or UnavailableError."""
        if label is not None:
            labels = self.labels()
            if label not in self.routing.labels:
                raise UnknownVersionError(f"{self.name} has no label {label!r}; {listed('labels', labels)}")
            if label not in labels:
                wanted = self.routing.labels[label][0]
                raise UnavailableError(f"label {label!r} of {self.name} is at version {wanted}, which can't answer now")
            return self.available[labels[label]]
        chosen = self.choose(key) if number is None else number
        if chosen is not None and chosen in self.available:
            return self.available[chosen]
        working = listed("versions that answer", self.available)
        if number is None:
            newest = self.versions[0]
            raise UnavailableError(f"no version of {self.name} can answer; {newest.number}: {_why(newest)}")
        version = self.version(number)
        raise UnavailableError(f"version {number} of {self.name} can't answer: {_why(version)}; {working}")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that is served at one moment: name → entry."""

    models: Mapping[str, Entry] = field(default_factory=lambda: MappingProxyType({}))
    default_model: str = ""
    """As configured."""

    @property
    def unnamed(self) -> str | None:
        """The model that is meant where none is named: the default, or else the only one."""
        return self.default_model or (next(iter(self.models)) if len(self.models) == 1 else None)

    def available(self) -> dict[str, list[int]]:
        """The versions that answer, ascending, of each model that has one."""
        return {name: list(entry.available) for name, entry in self.models.items() if entry.available}

    def entry(self, name: str | None = None) -> Entry:
        """That model; without a name, `unnamed`.  Raises UnknownVersionError, AmbiguousModelError, UnavailableError."""
        if name is None and not self.models:
            raise UnavailableError("no model is in the store")
        wanted = self.unnamed if name is None else name
        if wanted is None:
            raise AmbiguousModelError(
                f"say which model by ?model=NAME, or set SERVING_DEFAULT_MODEL; {listed('models', self.models)}"
            )
        if wanted not in self.models:
            why = " as SERVING_DEFAULT_MODEL says" if name is None else ""
            raise UnknownVersionError(f"no model is named {wanted!r}{why}; {listed('models', self.models)}")
        return self.models[wanted]

    def find(
        self, name: str | None = None, number: int | None = None, label: str | None = None, key: bytes | None = None
    ) -> engine.Model:
        """The model to answer with: by number, by label, or by what was decided about the traffic and the sticky key.

        Raises UnknownVersionError, AmbiguousModelError or UnavailableError.
        """
        return self.entry(name).find(number, label, key)


def sticky_number(key: bytes) -> int:
    """A number that is spread evenly over keys, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest())


def listed(what: str, names: Mapping[str, object] | Mapping[int, object]) -> str:
    """`models: birds, pets`, for messages."""
    return f"{what}: {', '.join(map(str, names)) or 'none'}"


def _why(version: Version) -> str:
    return version.reason or f"it is in state {version.state}"
