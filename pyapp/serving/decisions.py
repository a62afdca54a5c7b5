"""What people decide about models: made here, agreed on through the state, taken over by every process's registry.

A decision is checked against what can answer, written down with who made it, and takes effect here at once, elsewhere
within the poll period.  While the database is away the last decisions known stay in force; a process that starts then
takes those that a file on its machine remembers.
"""

import json
import logging
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from .policy import Policy
from .registry import Registry
from .routing import POINTS, Routing, Shadow, Split, from_document, to_document
from .snapshot import listed
from .state.errors import StateError, without
from .versions import UnavailableError, UnknownVersionError

if TYPE_CHECKING:
    from .state.records import Records
    from .state.state import Audited, Change, State

REMEMBERED = 10
"""How many earlier promotions, and earlier versions of a label, are kept for rollback."""

LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")

log = logging.getLogger(__name__)


class DecisionError(ValueError):
    """What was asked is not possible; the message says what would be."""


class Decisions:
    """Safe from any thread.  Who decides is a text for the audit: a user's name, or whose token it was."""

    def __init__(self, registry: Registry, url: str, remembered: Path | None = None) -> None:
        """`url`: of the state.  `remembered`: a file for the last decisions known, for starts without a database."""
        self._registry = registry
        self._url = url
        self._remembered = remembered
        self._state: State | None = None
        self._records: Records | None = None
        self._known: Mapping[str, Routing] | None = None

    @property
    def state(self) -> "State":
        """The state; needs the `[state]` or `[postgres]` extra.  Raises StateError without it."""
        if self._state is None:
            try:
                from .state.state import State
            except ModuleNotFoundError as error:
                raise without(error.name, self._url) from error
            self._state = State(self._url)
        return self._state

    @staticmethod
    def prepare() -> None:
        """Loads the libraries that deciding needs, where they are installed.  Seconds of Python: not amid traffic."""
        with suppress(ModuleNotFoundError):
            from .state import records, state  # noqa: F401

    @property
    def records(self) -> "Records":
        """Journal, feedback and comparisons.  As `state`."""
        if self._records is None:
            state = self.state
            from .state.records import Records

            self._records = Records(state)
        return self._records

    @property
    def known(self) -> Mapping[str, Routing]:
        """The decisions in force here, by model."""
        return self._known or {}

    def known_records(self) -> "Records | None":
        """The same, for those who only look: None if nothing was ever kept."""
        return None if self._is_untouched() else self.records

    def sync(self) -> None:
        """Takes over what others have decided.  Raises StateError, after the last decisions known took effect."""
        if self._is_untouched():
            return

        try:
            routings = self.state.routings()
        except StateError:
            if self._known is None:
                self._apply(self._recall())
            raise
        if routings != self._known:
            self._apply(routings)
            self._remember(routings)

    def promote(self, name: str, number: int, who: str) -> Routing:
        """That version answers from now on, whatever newer ones come."""
        self._available(name, number)
        before = self._registry.snapshot.entry(name).default

        def change(routing: Routing) -> Routing:
            return replace(routing, promoted=_front(routing.promoted or ((before,) if before else ()), number))

        return self._decide(name, "promote", who, change)

    def follow_newest(self, name: str, who: str) -> Routing:
        """Takes promotions back: the newest version answers, as it comes."""
        self._registry.snapshot.entry(name)
        return self._decide(name, "follow newest", who, lambda routing: replace(routing, promoted=()))

    def rollback(self, name: str, who: str) -> Routing:
        """What answered before answers again."""
        entry = self._registry.snapshot.entry(name)

        def change(routing: Routing) -> Routing:
            earlier = routing.promoted[1:] or tuple(
                number for number in sorted(entry.available, reverse=True) if entry.default and number < entry.default
            )
            for i, number in enumerate(earlier):
                with suppress(UnavailableError, UnknownVersionError):
                    self._registry.ensure(name, number)
                    return replace(routing, promoted=earlier[i:])
            raise DecisionError(f"{name} has no earlier version to go back to; {listed('there are', entry.available)}")

        return self._decide(name, "rollback", who, change)

    def label(self, name: str, label: str, number: int, who: str) -> Routing:
        """The label means that version, which must be able to answer."""
        if not LABEL.fullmatch(label):
            raise DecisionError(f"{label!r} is no label; expected a letter or _, then letters, digits, _, . or -")
        self._available(name, number)

        def change(routing: Routing) -> Routing:
            labels = {**routing.labels, label: _front(routing.labels.get(label, ()), number)}
            return replace(routing, labels=MappingProxyType(labels))

        return self._decide(name, "label", who, change)

    def unlabel(self, name: str, label: str, who: str) -> Routing:
        """Removes a label."""

        def change(routing: Routing) -> Routing:
            if label not in routing.labels:
                raise DecisionError(f"{name} has no label {label!r}; {listed('labels', routing.labels)}")
            _free_of(routing, name, label)
            labels = {key: history for key, history in routing.labels.items() if key != label}
            return replace(routing, labels=MappingProxyType(labels))

        return self._decide(name, "unlabel", who, change)

    def split(self, name: str, shares: dict[str, float] | None, who: str) -> Routing:
        """Shares of the traffic that names no version, in percent by version or label; None ends it."""
        try:
            split = Split.parse(shares) if shares is not None else None
        except ValueError as error:
            raise DecisionError(str(error)) from None
        for target, _ in split.shares if split else ():
            self._target(name, target)
        return self._decide(name, "split", who, lambda routing: replace(routing, split=split))

    def shadow(self, name: str, target: str | None, percent: float, who: str) -> Routing:
        """A share of the traffic also runs on that version or label; None ends it."""
        if target is None:
            return self._decide(name, "shadow", who, lambda routing: replace(routing, shadow=None))
        points = round(percent * POINTS / 100) if 0 < percent <= 100 else 0  # a NaN is neither
        if points == 0:
            raise DecisionError(f"the share is {percent} percent; expected more than 0 and at most 100")
        self._target(name, target)
        return self._decide(name, "shadow", who, lambda routing: replace(routing, shadow=Shadow(target, points)))

    def policy(self, name: str, text: str | None, who: str) -> Routing:
        """Which versions of this model are loaded; None: as the configuration says."""
        self._registry.snapshot.entry(name)
        try:
            policy = Policy.parse(text) if text is not None else None
        except ValueError as error:
            raise DecisionError(str(error)) from None
        return self._decide(name, "policy", who, lambda routing: replace(routing, policy=policy))

    def audit(self, name: str | None = None, limit: int = 100) -> list["Audited"]:
        """The last changes, newest first."""
        return [] if self._is_untouched() else self.state.audit(name, limit)

    def _is_untouched(self) -> bool:
        """Nobody has decided anything yet, and there is no need to load a database library to know that."""
        if self._state is not None or not self._url.startswith("sqlite:///"):
            return False
        return not Path(self._url.removeprefix("sqlite:///")).exists()

    def _decide(self, name: str, action: str, who: str, change: "Change") -> Routing:
        routing = self.state.decide(name, action, who, change)
        self._apply({**(self._known or {}), name: routing})
        self._remember(self._known or {})
        log.info("%s: %s by %s: %s", name, action, who, to_document(routing))
        return routing

    def _apply(self, routings: Mapping[str, Routing]) -> None:
        self._known = dict(routings)
        self._registry.route(routings)

    def _available(self, name: str, number: int) -> None:
        """Loads it, if need be.  Raises what says why it can't answer."""
        _ = self.state  # who can't decide at all is told that first
        self._registry.ensure(name, number)

    def _target(self, name: str, target: str) -> None:
        _ = self.state
        if target.isdecimal():
            self._available(name, int(target))
        else:
            self._registry.snapshot.find(name, label=target)

    def _remember(self, routings: Mapping[str, Routing]) -> None:
        if self._remembered is None:
            return
        text = json.dumps({name: to_document(routing) for name, routing in routings.items()})
        with suppress(OSError):  # a read-only file system: a start without a database then knows nothing
            self._remembered.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._remembered.parent, delete=False) as file:
                file.write(text)
            Path(file.name).replace(self._remembered)

    def _recall(self) -> dict[str, Routing]:
        if self._remembered is None:
            return {}
        try:
            documents = json.loads(self._remembered.read_text(encoding="utf-8"))
            return {name: from_document(document) for name, document in documents.items()}
        except (OSError, ValueError, TypeError, AttributeError, KeyError):
            return {}


def _front(history: tuple[int, ...], number: int) -> tuple[int, ...]:
    """The number first, the rest behind it in their order."""
    return (number, *(earlier for earlier in history if earlier != number))[:REMEMBERED]


def _free_of(routing: Routing, name: str, label: str) -> None:
    """Raises DecisionError if the traffic still goes by the label."""
    targets = [target for target, _ in routing.split.shares] if routing.split else []
    if label in targets:
        raise DecisionError(f"the traffic of {name} is split by the label {label!r}; end or change the split first")
    if routing.shadow and routing.shadow.target == label:
        raise DecisionError(f"{name} is shadowed by the label {label!r}; end or change that first")


def default_url(models: Path | str, is_shipped: bool = False) -> str:
    """An SQLite file in the store's folder, which every process that serves it can see; else in the user's own.

    `is_shipped`: the folder is a part of the installation.
    """
    if isinstance(models, Path) and not is_shipped:
        inside = models / ".serving.sqlite3"
        if inside.exists() or os.access(models, os.W_OK):
            return f"sqlite:///{inside}"
    return f"sqlite:///{_own_file(models, '.sqlite3')}"


def remembered(models: Path | str, url: str) -> Path | None:
    """The file for the last decisions known, where the database is on the other end of a wire."""
    return _own_file(models, ".json") if url and not url.startswith("sqlite") else None


def _own_file(models: Path | str, suffix: str) -> Path:
    """A file of the user's for that store."""
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return base / "flask-serving" / (re.sub(r"[^A-Za-z0-9]+", "_", str(models)).strip("_") + suffix)
