"""PUT and DELETE /api/models/<model>/versions/<version>: a package goes into the store, or leaves it.  For admins.

A package is unpacked beside the store's folders, under a name that no version has, loaded there with all checks, and
then renamed: it is a version whole, or not at all.
"""

import secrets
import shutil
import tempfile
from typing import IO

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import BadRequest, Conflict, RequestEntityTooLarge, UnprocessableEntity

from pyapp import engine, packages
from pyapp.packages.store import NAME, StoreError, flush, forget_removal, remove
from pyapp.packages.unpack import UnpackError, unpack
from pyapp.serving.store import FolderStore

from . import serving
from .admin import require_admin

bp = Blueprint("upload", __name__, url_prefix="/api")
bp.before_request(require_admin)

VERSION = "/models/<model:name>/versions/<version:version>"


@bp.put(VERSION)
def put_version(name: str, version: int) -> tuple[Response, int]:
    """The body is a zip file of the package's files.  201 once it can be loaded; it then serves as the policy says."""
    store = _folder_store()
    if not NAME.fullmatch(name) or version < 1:
        raise BadRequest("a name has letters, digits, _, . and -, and does not begin with a dot; versions begin at 1")
    limit = serving().config.max_upload_bytes
    request.max_content_length = limit + 1
    place = store.folder / name / str(version)
    if place.exists():
        raise Conflict(f"{name} has a version {version} already: a version never changes; send the next number")
    waiting = store.folder / f".upload-{secrets.token_hex(8)}"
    waiting.mkdir()
    try:
        with tempfile.TemporaryFile(dir=waiting) as body:
            _save(body, limit)
            unpacked = waiting / "package"
            unpacked.mkdir()
            unpack(body, unpacked, limit)
        packages.load(unpacked, name=name, version=version)
        for file in unpacked.iterdir():
            flush(file)
        flush(unpacked)
        place.parent.mkdir(exist_ok=True)
        unpacked.rename(place)
        forget_removal(place)
        flush(place.parent)
    except UnpackError as error:
        raise BadRequest(str(error)) from None
    except engine.PackageError as error:
        raise UnprocessableEntity(str(error).replace(f"{unpacked}/", "")) from None
    except FileExistsError:
        raise Conflict(f"{name} has a version {version} by now: someone else was faster") from None
    finally:
        shutil.rmtree(waiting, ignore_errors=True)
    serving().watcher.poke()
    return jsonify(model=name, version=version), 201


@bp.delete(VERSION)
def delete_version(name: str, version: int) -> Response:
    """Removes a version that does not answer by default.  What has it is answered first."""
    store = _folder_store()
    entry = serving().registry.snapshot.entry(name)
    entry.version(version)
    if entry.default == version and len(entry.available) > 1:
        raise Conflict(f"version {version} of {name} answers now; promote another one first")
    try:
        remove(store.folder, name, version)
    except (StoreError, FileNotFoundError):
        raise Conflict(f"version {version} of {name} is not in the store any more") from None
    serving().watcher.poke()
    return jsonify(model=name, version=version)


def _folder_store() -> FolderStore:
    store = serving().registry.store
    if serving().config.is_shipped:
        raise Conflict(
            "the models that came with the installation stay as they are; "
            "start the server where there is a folder ./models, or with SERVING_MODELS"
        )
    if not isinstance(store, FolderStore):
        raise Conflict(f"the models lie in {store}; put packages there")
    return store


def _save(body: IO[bytes], limit: int) -> None:
    written = 0
    while piece := request.stream.read(1 << 20):
        written += len(piece)
        if written > limit:
            raise RequestEntityTooLarge(f"the package is too large; at most {limit} bytes are taken")
        body.write(piece)
    body.seek(0)
