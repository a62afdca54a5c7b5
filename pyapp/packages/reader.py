"""Loads a model package (docs/package.md) for serving: first the digest of its weights, then what the engine checks."""

import hashlib
import json
import os
from pathlib import Path

from pyapp import engine

MAX_MANIFEST_BYTES = 256 << 20
"""More is the engine's to refuse."""


def load(
    folder: str | os.PathLike[str],
    *,
    name: str | None = None,
    version: int | None = None,
    plan_cache: str | None = None,
    counts: str | None = None,
) -> engine.Model:
    """The model in that folder; the arguments are those of `engine.Model.load`.

    Raises engine.PackageError naming file and field, also if the weights are not those that the manifest was written
    with.
    """
    folder = Path(folder)
    check_digest(folder)
    return engine.Model.load(folder, name=name, version=version, plan_cache=plan_cache, counts=counts)


def check_digest(folder: Path) -> None:
    """Raises engine.PackageError unless the weights are those of the manifest, or the manifest does not tell."""
    expected = _digest_in(folder / "model.json")
    if expected is None:
        return
    path = folder / "weights.safetensors"
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise engine.PackageError(f"{path} can't be opened: {error.strerror}") from error
    if found != expected:
        raise engine.PackageError(
            f"{path}: its SHA-256 is {found}, and model.json at /weights_sha256 says {expected}; "
            "the file is not the one that the package was written with: copy the package again"
        )


def _digest_in(path: Path) -> str | None:
    """None if there is none, or the file is so broken that the engine must say how."""
    try:
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            return None
        manifest = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(manifest, dict) or "weights_sha256" not in manifest:
        return None
    digest = manifest["weights_sha256"]
    if not (isinstance(digest, str) and len(digest) == 64 and set(digest.lower()) <= set("0123456789abcdef")):
        raise engine.PackageError(f"{path} at /weights_sha256: expected 64 hexadecimal digits")
    return digest.lower()
