"""The store: where versions lie.  A folder of `<name>/<version>/` (docs/package.md).

A store lists what it has and hands out folders; what it gives for a version changes when its files do, so that the
registry knows what to load again.  Everything may fail at any time with OSError, and nothing may wait for long.
"""

import logging
from pathlib import Path
from typing import NamedTuple, Protocol

from pyapp.packages.store import NAME, VERSION, was_removed

FILES = ("model.json", "weights.safetensors")
"""Without these a folder is not a version yet."""

log = logging.getLogger(__name__)


class Found(NamedTuple):
    """One version in the store."""

    fingerprint: str
    """Changes when its files do."""
    missing: str = ""
    """A file that is not there: it is still being copied."""


Listing = dict[str, dict[int, Found]]
"""Name → version → what lies there."""


class Store(Protocol):
    """What the registry needs of a store."""

    def list(self) -> Listing:
        """All that is there.  Raises OSError if it can't be listed; a model that can't be is left out."""

    def fetch(self, name: str, version: int) -> Path:
        """A local folder with the version's files, whole.  Raises OSError."""

    def was_removed(self, name: str, version: int) -> bool:
        """Did somebody mean it, if that version is not there any more?"""


class FolderStore:
    """A folder on this machine."""

    def __init__(self, folder: Path) -> None:
        """`folder` need not exist yet."""
        self.folder = folder

    def __str__(self) -> str:
        """The folder."""
        return str(self.folder)

    def list(self) -> Listing:
        """Whatever isn't named as a model or version is not the store's."""
        found: Listing = {}
        for model in sorted(self.folder.iterdir()):
            if NAME.fullmatch(model.name) and model.is_dir():
                versions = {int(item.name): _look(item) for item in _listing(model) if VERSION.fullmatch(item.name)}
                if versions:
                    found[model.name] = versions
        return found

    def fetch(self, name: str, version: int) -> Path:
        """The version's own folder: it is here already."""
        return self.folder / name / str(version)

    def was_removed(self, name: str, version: int) -> bool:
        """By the command or over HTTP, which leave a mark."""
        return was_removed(self.folder, name, version)


def open_store(models: Path | str) -> Store:
    """The store in that folder, or at that URL."""
    if isinstance(models, Path):
        return FolderStore(models)
    from .remote import RemoteStore, cache_folder

    return RemoteStore(models, cache_folder(models))


def _listing(folder: Path) -> list[Path]:
    try:
        return [item for item in folder.iterdir() if item.is_dir()]
    except OSError as error:
        log.warning("%s is passed over: %s", folder, error)
        return []


def _look(folder: Path) -> Found:
    """Sizes and times of the files tell whether they have changed, and cost no reading."""
    marks, missing = [], ""
    for name in (*FILES, "samples.jsonl"):
        try:
            stat = (folder / name).stat()
            marks.append(f"{stat.st_ino}.{stat.st_size}.{stat.st_mtime_ns}")
        except OSError:
            marks.append("-")
            missing = missing or (name if name in FILES else "")
    return Found(" ".join(marks), missing)
