"""What people have decided about a model: which version answers by default, labels, shares of the traffic, shadows.

Pure data, kept in the state (pyapp/serving/state); the snapshot joins it with the versions that are there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

from .policy import Policy

POINTS = 10_000
"""Shares are kept in hundredths of a percent."""


@dataclass(frozen=True, slots=True)
class Split:
    """Shares of the traffic that names no version: targets are version numbers or labels."""

    shares: tuple[tuple[str, int], ...]
    """(target, points of POINTS); they sum to POINTS."""

    @classmethod
    def parse(cls, shares: dict[str, float]) -> Self:
        """Percents by target.  Raises ValueError saying what is expected."""
        if not shares:
            raise ValueError('a split needs targets, such as {"1": 90, "2": 10}')
        possible = all(0 <= percent <= 100 for percent in shares.values())  # which a NaN is not
        points = {target: round(percent * POINTS / 100) for target, percent in shares.items() if possible}
        if sum(points.values()) != POINTS:
            raise ValueError(f"the shares are {shares}; expected percents from 0 to 100 that sum to 100")
        return cls(tuple(points.items()))

    def target(self, key: int) -> str:
        """The target of a key (any whole number): the same key always gets the same one."""
        left = key % POINTS
        for target, points in self.shares:
            if left < points:
                return target
            left -= points
        return self.shares[-1][0]


@dataclass(frozen=True, slots=True)
class Shadow:
    """A share of the traffic also runs on a candidate, at background priority; answers are not affected."""

    target: str
    """Version number or label."""
    points: int
    """Of POINTS."""


@dataclass(frozen=True, slots=True)
class Routing:
    """What was decided about one model.  The default: its newest version answers."""

    promoted: tuple[int, ...] = ()
    """The versions promoted, the newest promotion first; if that one is gone, the next one that can answers."""
    labels: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """Label → its version, and those that it had before."""
    split: Split | None = None
    shadow: Shadow | None = None
    policy: Policy | None = None
    """None: that of the configuration."""

    def pinned(self) -> set[int]:
        """Versions that must stay loaded whatever the policy: those that decisions name."""
        numbers = {history[0] for history in self.labels.values() if history} | set(self.promoted[:1])
        targets = [target for target, _ in self.split.shares] if self.split else []
        if self.shadow:
            targets.append(self.shadow.target)
        return numbers | {int(target) for target in targets if target.isdecimal()}


NO_ROUTING = Routing()


def to_document(routing: Routing) -> dict[str, Any]:
    """As JSON, for the state and for people."""
    return {
        "promoted": list(routing.promoted),
        "labels": {label: list(history) for label, history in routing.labels.items()},
        "split": dict(routing.split.shares) if routing.split else None,
        "shadow": {"target": routing.shadow.target, "points": routing.shadow.points} if routing.shadow else None,
        "policy": str(routing.policy) if routing.policy else None,
    }


def from_document(document: Mapping[str, Any]) -> Routing:
    """The way back."""
    split, shadow, policy = document.get("split"), document.get("shadow"), document.get("policy")
    return Routing(
        promoted=tuple(document.get("promoted", ())),
        labels=MappingProxyType({label: tuple(history) for label, history in document.get("labels", {}).items()}),
        split=Split(tuple(split.items())) if split else None,
        shadow=Shadow(shadow["target"], shadow["points"]) if shadow else None,
        policy=Policy.parse(policy) if policy else None,
    )
