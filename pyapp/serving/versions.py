"""One version of a model, its state, and what a request may be told when no version can answer."""

from dataclasses import dataclass, field
from enum import StrEnum

from pyapp import engine

from .drift import Training
from .manifest import Description


class VersionLookupError(Exception):
    """No version can answer; the message names those that can."""


class UnknownVersionError(VersionLookupError):
    """There is no such model, version or label."""


class AmbiguousModelError(VersionLookupError):
    """No model was named, and there are several."""


class UnavailableError(VersionLookupError):
    """It exists but can't answer now."""


class State(StrEnum):
    """What a version is in; the words of TensorFlow Serving, and one of ours."""

    START = "START"
    """In the store, and not loaded: still being copied, or not wanted by the policy."""
    LOADING = "LOADING"
    AVAILABLE = "AVAILABLE"
    """Loaded, checked, warm."""
    UNLOADING = "UNLOADING"
    """No request gets it any more; those that have it are being answered."""
    END = "END"
    """Gone."""
    FAILED = "FAILED"
    """Could not be loaded; tried again by and by, and at once when its files change."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of one model.  `model` is there while it can answer."""

    name: str
    number: int
    state: State
    model: engine.Model | None = None
    reason: str = ""
    """Why it is in this state, where that needs saying."""
    description: Description = field(default_factory=Description)
    fingerprint: str = ""
    """Of the files that were loaded, or could not be."""
    training: Training | None = None
    """What it is measured by, if its package tells."""
