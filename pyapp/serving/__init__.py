"""Which model version answers.  Knows nothing of Flask."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyapp import engine

from .decisions import Decisions
from .registry import Registry
from .watcher import Watcher

if TYPE_CHECKING:
    from pyapp.config import Config


@dataclass(frozen=True, slots=True)
class Serving:
    """What one app serves with; lives in `app.extensions["serving"]`, so that two apps can share a process."""

    engine: engine.Engine
    registry: Registry
    decisions: Decisions
    watcher: Watcher
    config: "Config"
