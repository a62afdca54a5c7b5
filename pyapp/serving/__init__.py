"""Which model version answers.  Knows nothing of Flask."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyapp import engine
from pyapp.request_id import RequestIds

from .decisions import Decisions
from .observer import Observer
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
    observer: Observer
    watcher: Watcher
    request_ids: RequestIds
    config: "Config"
