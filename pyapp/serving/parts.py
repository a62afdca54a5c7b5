"""The parts that serve, put together: all of pyapp that is no HTTP."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pyapp import engine, images
from pyapp.config import Config, ConfigError
from pyapp.request_id import RequestIds

from .decisions import Decisions, default_url, remembered
from .observer import JournalOptions, Observer
from .policy import Policy
from .registry import Registry
from .store import open_store
from .watcher import Watcher

_ENGINE_OPTIONS = (
    "max_batch_rows",
    "max_queue_rows",
    "max_wait_us",
    "timeout_ms",
    "max_body_bytes",
    "max_request_rows",
    "max_image_pixels",
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What one app serves with; lives in `app.extensions["serving"]`, so that two apps can share a process."""

    engine: engine.Engine
    registry: Registry
    decisions: Decisions
    observer: Observer
    watcher: Watcher
    request_ids: RequestIds
    config: Config


def start(config: Config) -> Parts:
    """All parts, with the models loaded.  Raises ConfigError if the store can't be listed."""
    images.silence_decoders()
    options = {name: getattr(config, name) for name in _ENGINE_OPTIONS}
    computing = engine.Engine(decode_image=images.decode_image, slots=config.share_of_slots, **options)
    policy = Policy.parse(config.versions)
    registry = Registry(open_store(config.models), policy, default_model=config.default_model)
    url = config.database_url or default_url(config.models, config.is_shipped)
    decisions = Decisions(registry, url, remembered(config.models, url))
    journal = JournalOptions(config.journal_percent if config.journal != "off" else 0, config.journal == "content")
    looks = (
        _counting(decisions.sync, computing, "database_errors"),
        _counting(registry.reload, computing, "store_errors"),
    )

    def dropped() -> None:
        computing.count("observer_dropped")

    parts = Parts(
        engine=computing,
        registry=registry,
        decisions=decisions,
        observer=Observer(computing.handle, journal, lambda *seen: decisions.records.keep(*seen), dropped),
        watcher=Watcher(looks, config.poll_seconds),
        request_ids=RequestIds(),
        config=config,
    )
    if config.admin_token:
        decisions.prepare()
    parts.watcher.look()
    if registry.error:
        raise ConfigError(f"SERVING_MODELS: {registry.error}")
    return parts


def _counting(
    look: Callable[[], object], computing: engine.Engine, what: Literal["store_errors", "database_errors"]
) -> Callable[[], None]:
    """`look`, whose failures are counted where all processes count."""

    def counted() -> None:
        try:
            look()
        except Exception:
            computing.count(what)
            raise

    return counted
