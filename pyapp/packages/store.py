"""The store's folders <name>/<version>/: names that stay inside it, the next version, and taking one away whole."""

import os
import re
import secrets
import shutil
from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}")
VERSION = re.compile(r"[1-9][0-9]{0,17}")


class StoreError(ValueError):
    """A name or version that cannot be, or is not there."""


def folder_of(store: Path, name: str, version: int) -> Path:
    """Where that version lies or would lie.  Raises StoreError."""
    if not NAME.fullmatch(name):
        raise StoreError(f"{name!r} is no name for a model; expected letters, digits, _ - and . (not first)")
    if not VERSION.fullmatch(str(version)):
        raise StoreError(f"{version} is no version; expected a positive integer")
    return store / name / str(version)


def versions(store: Path, name: str) -> list[int]:
    """Those of a model, ascending; [] if there is none."""
    folder = folder_of(store, name, 1).parent
    if not folder.is_dir():
        return []
    return sorted(int(item.name) for item in folder.iterdir() if VERSION.fullmatch(item.name) and item.is_dir())


def existing(store: Path, name: str, version: int | None) -> Path:
    """The folder of that version, or the newest.  Raises StoreError naming what there is."""
    found = versions(store, name)
    if not found:
        models = sorted(
            item.name for item in store.iterdir() if NAME.fullmatch(item.name) and versions(store, item.name)
        )
        raise StoreError(f"no model is named {name!r}; models: {', '.join(models) or 'none'}")
    if version is not None and version not in found:
        raise StoreError(f"{name} has no version {version}; versions: {', '.join(map(str, found))}")
    return folder_of(store, name, found[-1] if version is None else version)


def remove(store: Path, name: str, version: int) -> None:
    """Takes a version away: out of the readers' sight in one step, then from the disk.  Raises StoreError, OSError.

    A mark stays, by which servers tell that it was meant: of what merely is not there any more they keep the last one.
    """
    folder = existing(store, name, version)
    mark = _mark(folder)
    mark.touch()
    try:
        take_away(folder)
    except OSError:
        mark.unlink(missing_ok=True)
        raise


def was_removed(store: Path, name: str, version: int) -> bool:
    """Did somebody take that version away by `remove`?"""
    return _mark(store / name / str(version)).exists()


def forget_removal(folder: Path) -> None:
    """The version in the folder is there again."""
    _mark(folder).unlink(missing_ok=True)


def _mark(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.removed")


def take_away(folder: Path) -> None:
    """Removes a folder so that nobody sees half of it, even if this is killed.  Raises OSError if it is not there."""
    hidden = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}.removed")
    folder.rename(hidden)
    shutil.rmtree(hidden, ignore_errors=True)


def flush(path: Path) -> None:
    """What the file or folder holds is on disk when this returns; a new name is, once its folder was flushed."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
