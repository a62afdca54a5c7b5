"""What the commands work on: the store, what was decided about it, and at most the models that a command names.

No app and no engine: promoting one model must not load all others first.
"""

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from flask import has_app_context
from flask.cli import ScriptInfo

from pyapp import engine, packages
from pyapp.api import serving
from pyapp.config import OWN_MODELS, Config
from pyapp.packages.store import StoreError, folder_of
from pyapp.serving.decisions import DecisionError, Decisions, default_url, remembered
from pyapp.serving.policy import Policy
from pyapp.serving.registry import Registry
from pyapp.serving.routing import NO_ROUTING, Routing
from pyapp.serving.snapshot import Entry, Snapshot, listed
from pyapp.serving.state.errors import StateError
from pyapp.serving.store import Listing, Store, open_store
from pyapp.serving.versions import VersionLookupError


@dataclass(frozen=True, slots=True)
class Opened:
    """A store as it was when the command began, and what was decided about it."""

    config: Config
    store: Store
    listing: Listing
    registry: Registry
    decisions: Decisions

    @property
    def snapshot(self) -> Snapshot:
        """The models that were loaded, as a server would have them."""
        return self.registry.snapshot

    def entry(self, name: str) -> Entry:
        """That model.  Raises UnknownVersionError."""
        return self.snapshot.entry(name)

    def routing(self, name: str) -> Routing:
        """What was decided about that model."""
        return self.decisions.known.get(name, NO_ROUTING)


class _AsListed:
    """The store, with a listing that stays as it is for the length of a command, or a part of it."""

    def __init__(self, store: Store, listing: Listing) -> None:
        self._store = store
        self._listing = listing

    def __str__(self) -> str:
        return str(self._store)

    def list(self) -> Listing:
        return self._listing

    def fetch(self, name: str, version: int) -> Path:
        return self._store.fetch(name, version)

    def was_removed(self, name: str, version: int) -> bool:
        return self._store.was_removed(name, version)


def open_models(name: str | None = None, *, load: bool = True, strict: bool = True) -> Opened:
    """The store, with what the policy wants of that model loaded, or of all.

    `strict`: a database that is away is an error, and not a warning with the last decisions known.
    Raises StoreError, StateError, DecisionError or OSError.
    """
    settings = config()
    store = open_store(settings.models)
    listing = store.list()
    if name is not None:
        require_model(listing, name)
        listing = {name: listing[name]}
    registry = Registry(_AsListed(store, listing), Policy.parse(settings.versions), _load)
    url = settings.database_url or default_url(settings.models, settings.is_shipped)
    decisions = Decisions(registry, url, remembered(settings.models, url))
    try:
        decisions.sync()
    except StateError as error:
        if strict:
            raise
        click.echo(f"Warning: {error}; these are the last decisions that this machine knows", err=True)
    if load:
        registry.reload()
    return Opened(settings, store, listing, registry, decisions)


def _load(folder: Path, name: str, version: int) -> engine.Model:
    """Without the files of its counts: whoever makes them owns them, and that is the server."""
    return packages.load(folder, name=name, version=version)


def require_model(listing: Listing, name: str) -> None:
    """Raises StoreError, saying which models there are."""
    folder_of(Path(), name, 1)  # that it is a name at all
    if name not in listing:
        hint = "" if listing else "; flask models import FILE --name NAME makes one"
        raise StoreError(f"no model is named {name!r}; {listed('models', listing)}{hint}")


def require_version(listing: Listing, name: str, number: int) -> None:
    """Raises StoreError, saying which versions there are."""
    if number not in listing[name]:
        raise StoreError(f"{name} has no version {number}; versions: {', '.join(map(str, sorted(listing[name])))}")


def config() -> Config:
    """That of the app which the commands belong to, or the environment's."""
    if has_app_context():
        return serving().config
    script = click.get_current_context().find_object(ScriptInfo)
    if script is not None and script.create_app is not None:
        with script.load_app().app_context():
            return serving().config
    return Config.read()


def store_folder(for_new: bool = False) -> Path:
    """The store, which must be a folder, for what writes into it.  Raises StoreError.

    The models that ship stay as they are: what is new (`for_new`) goes to ./models then, which need not exist yet.
    """
    settings = config()
    models = settings.models
    if settings.is_shipped:
        if for_new:
            return OWN_MODELS.resolve()
        raise StoreError(
            f"the models in {models} came with the installation and stay as they are; "
            "work on a copy of them: in ./models, or where SERVING_MODELS says"
        )
    if isinstance(models, Path):
        return models
    raise StoreError(
        f"the models lie in {open_store(models)}, where this command can't write: set SERVING_MODELS to a folder, "
        "and copy <name>/<version>/ from there"
    )


def user() -> str:
    """Who decides, for the audit: the login name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user that has no name
        return f"uid {os.getuid()}"


@contextmanager
def one_message() -> Iterator[None]:
    """What users can cause is told in a message, with exit status 1."""
    from pyapp.importers.problems import ImportRefusedError  # here, as a server needs no importer

    try:
        yield
    except (
        ImportRefusedError,
        StoreError,
        DecisionError,
        StateError,
        VersionLookupError,
        engine.Error,
        FileExistsError,
    ) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise click.ClickException(f"{where}{error.strerror or error}") from error
    except MemoryError as error:
        raise click.ClickException("the model does not fit into memory") from error
