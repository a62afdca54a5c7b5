"""Every operation once: which requests it takes, and what their replies mean.

An operation is a generator: it yields requests, is sent their replies, and returns the result.  It does no I/O, so the
blocking client and the asynchronous one (clients.py) are two ways to run the same.
"""

import io
import json
import re
import zipfile
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from . import bodies, tensors
from .attempts import Request
from .errors import ClientError, InputError, NotFoundError, ServerError
from .options import Options
from .results import Answers, Decided, Models, Prediction, Row

T = TypeVar("T")
Operation = Generator[Request, httpx.Response, T]

BINARY = "binary_tensor_data"
PACKAGE = ("model.json", "weights.safetensors", "samples.jsonl")


class Operations:
    """What a server can be asked for.  Remembers what it can do, and the inputs of models asked before."""

    def __init__(self, options: Options) -> None:
        """`options`: whose key and token are sent."""
        self._asking = {"X-API-Key": options.api_key} if options.api_key else {}
        self._changing = {"Authorization": f"Bearer {options.admin_token}"} if options.admin_token else {}
        if options.actor:
            self._changing["X-Actor"] = options.actor
        self._binary: bool | None = None
        self._inputs: dict[str, list[str]] = {}

    def classify(
        self,
        data: Any,
        model: str | None = None,
        *,
        version: int | None = None,
        label: str | None = None,
        top: int | None = None,
        background: bool = False,
        sticky_key: str | None = None,
    ) -> Operation[Answers]:
        """Answers for one row or many: numbers, arrays, records, texts, a pandas table, pictures (bytes or Path).

        `model`: may be left out if there is one.  `version`, `label`: which one answers, if not as decided.  `top`: so
        many best labels.  `background`: computed when nothing else waits.  `sticky_key`: whoever has the same one gets
        the same version while traffic is split.  A list of pictures takes a request for each.
        """
        query = _given(model=model, version=version, label=label, top=top)
        headers = dict(self._asking)
        if background:
            headers["X-Request-Priority"] = "background"
        if sticky_key is not None:
            headers["X-Sticky-Key"] = sticky_key
        return (yield from self._classify(data, query, headers))

    def explain(
        self,
        data: Any,
        model: str | None = None,
        *,
        version: int | None = None,
        label: str | None = None,
        method: str | None = None,
        steps: int | None = None,
        target: str | int | None = None,
    ) -> Operation[Answers]:
        """As classify; each row also has `explanation`, with what each input contributed to the score of `target`.

        `method`: `integrated` (gradients, in so many `steps`) or `gradient`.  `target`: a label or the number of an
        output; the best one's, unless given.
        """
        query = _given(model=model, version=version, label=label, explain=1, method=method, steps=steps, target=target)
        return (yield from self._classify(data, query, dict(self._asking)))

    def predict(
        self,
        model: str,
        data: Any,
        *,
        version: int | None = None,
        label: str | None = None,
        outputs: Sequence[str] | None = None,
        binary: bool | None = None,
    ) -> Operation[Prediction]:
        """Arrays in, arrays out, float32 [rows, …]: `data` is what numpy takes for an array, or a mapping by input.

        `outputs`: only these.  `binary`: as bytes instead of JSON numbers; None: if the server can.
        """
        place = _place(model, version, label)
        if binary is None:
            if self._binary is None:
                found = _object((yield Request("GET", "/v2", headers=self._asking)))
                self._binary = BINARY in found.get("extensions", ())
            binary = self._binary
        names = self._inputs.get(place, [])
        if not isinstance(data, Mapping) and not names:
            # Metadata has no address by label: what the model says of itself then stands for that version too.
            at = place if label is None else _place(model, None, None)
            described = _object((yield Request("GET", f"/v2{at}", headers=self._asking)))
            names = self._inputs[place] = [str(item["name"]) for item in described.get("inputs", ())]
        headers, body = tensors.encode(tensors.arrays(data, names), binary, None if outputs is None else list(outputs))
        try:
            reply = yield Request("POST", f"/v2{place}/infer", {}, {**self._asking, **headers}, body)
        except InputError:
            self._inputs.pop(place, None)  # a newer version may call its inputs otherwise
            raise
        document, arrays = tensors.decode(reply.headers.get(tensors.HEADER), reply.content)
        return Prediction(arrays, str(document.get("model_name", model)), _version_of(reply))

    def models(self) -> Operation[Models]:
        """Every model with all its versions and labels."""
        return Models(_object((yield Request("GET", "/api/models", headers=self._asking)))["models"])

    def versions(self, model: str) -> Operation[list[dict[str, Any]]]:
        """The versions of a model, newest first.  Raises NotFoundError."""
        everything = yield from self.models()
        for entry in everything:
            if entry["name"] == model:
                return list(entry["versions"])
        raise NotFoundError(
            f"no model is named {model!r}; models: {', '.join(m['name'] for m in everything) or 'none'}"
        )

    def ready(self, model: str | None = None, version: int | None = None) -> Operation[bool]:
        """Can it answer: that version, that model, or any?  Raises NotFoundError for a model that is not there."""
        place = "/health" if model is None else _place(model, version, None)
        try:
            yield Request("GET", f"/v2{place}/ready", headers=self._asking)
        except ClientError as error:
            if error.status in (400, 503):
                return False
            raise
        return True

    def feedback(
        self, request_id: str, label: str | float | Sequence[str | float], row: int = 0
    ) -> Operation[list[dict[str, Any]]]:
        """Tells the true label of a journalled request, or those of its rows from `row` on; what was kept."""
        several = not isinstance(label, (str, int, float))
        body: dict[str, Any] = {"request_id": request_id, "row": row, "labels" if several else "label": label}
        reply = yield self._with_json("POST", "/api/feedback", body, self._asking)
        return list(_object(reply)["kept"])

    def promote(self, model: str, version: int | None) -> Operation[Decided]:
        """That version answers from now on, whatever newer ones come; None: the newest answers, as it comes."""
        return (
            yield from self._decide("POST", model, "promote", {"version": "newest" if version is None else version})
        )

    def rollback(self, model: str) -> Operation[Decided]:
        """What answered before answers again."""
        return (yield from self._decide("POST", model, "rollback", {}))

    def label(self, model: str, label: str, version: int | None) -> Operation[Decided]:
        """The label means that version; None removes it."""
        place = f"labels/{quote(label, safe='')}"
        if version is None:
            return (yield from self._decide("DELETE", model, place, None))
        return (yield from self._decide("PUT", model, place, {"version": version}))

    def split(self, model: str, shares: Mapping[str | int, float] | None) -> Operation[Decided]:
        """Percents of the traffic that names no version, by version or label; None ends it."""
        if shares is None:
            return (yield from self._decide("DELETE", model, "split", None))
        body = {"shares": {str(target): percent for target, percent in shares.items()}}
        return (yield from self._decide("PUT", model, "split", body))

    def shadow(self, model: str, target: str | int | None, percent: float = 100) -> Operation[Decided]:
        """A share of the traffic also runs on that version or label, unseen; None ends it."""
        if target is None:
            return (yield from self._decide("DELETE", model, "shadow", None))
        return (yield from self._decide("PUT", model, "shadow", {"target": target, "percent": percent}))

    def upload(self, model: str, version: int, folder: str | Path) -> Operation[int]:
        """Sends a package's folder, or a zip file of it, as that version of the model; the version."""
        headers = {**self._changing, "Content-Type": "application/zip"}
        body = _zipped(Path(folder))
        reply = yield Request("PUT", f"/api{_place(model, version, None)}", {}, headers, body, repeatable=False)
        return int(_object(reply)["version"])

    def remove(self, model: str, version: int) -> Operation[None]:
        """Takes a version that does not answer by default out of the store."""
        place = f"/api{_place(model, version, None)}"
        yield Request("DELETE", place, headers=self._changing, repeatable=False)

    def reload(self) -> Operation[dict[str, list[int]]]:
        """Has the server look at its store now; the versions that answer, by model."""
        reply = yield Request("POST", "/api/reload", headers=self._changing, repeatable=False)
        return dict(_object(reply)["models"])

    def audit(self, model: str) -> Operation[list[dict[str, Any]]]:
        """Who changed what about it, newest first."""
        reply = yield Request("GET", f"/api{_place(model, None, None)}/audit", headers=self._changing)
        return list(_object(reply)["audit"])

    def _classify(self, data: Any, query: dict[str, str], headers: dict[str, str]) -> Operation[Answers]:
        rows: list[Row] = []
        seen: set[tuple[str, int, str]] = set()
        for kind, body in bodies.bodies(data):
            reply = yield Request("POST", "/classify", query, {**headers, "Content-Type": kind}, body)
            document = _object(reply)
            model, version = str(document.pop("model", "")), int(document.pop("version", 0))
            rows += [Row(row) for row in document.get("results", [document])]
            seen.add((model, version, reply.headers.get("X-Request-ID", "")))
        if len({(model, version) for model, version, _ in seen}) > 1:
            versions = ", ".join(str(version) for version in sorted({version for _, version, _ in seen}))
            raise ServerError(f"the pictures were answered by several versions ({versions}); ask for one of them")
        model, version, request_id = next(iter(seen))
        return Answers(tuple(rows), model, version, request_id if len(seen) == 1 else "")

    def _decide(self, method: str, model: str, what: str, body: Any) -> Operation[Decided]:
        reply = yield self._with_json(method, f"/api{_place(model, None, None)}/{what}", body, self._changing)
        found = _object(reply)
        return Decided(found["model"], found["default"], found["labels"], found["routing"])

    @staticmethod
    def _with_json(method: str, path: str, body: Any, headers: dict[str, str]) -> Request:
        content = None if body is None else json.dumps(body).encode()
        return Request(method, path, {}, {**headers, "Content-Type": "application/json"}, content, repeatable=False)


def _given(**query: str | int | None) -> dict[str, str]:
    return {name: str(value) for name, value in query.items() if value is not None}


def _place(model: str, version: int | None, label: str | None) -> str:
    """The path of a model, version or label.  Raises ValueError."""
    if version is not None and label is not None:
        raise ValueError("both version and label are given; give one of them")
    path = f"/models/{quote(model, safe='')}"
    if version is not None:
        return f"{path}/versions/{version}"
    return path if label is None else f"{path}/labels/{quote(label, safe='')}"


def _object(reply: httpx.Response) -> dict[str, Any]:
    try:
        document = json.loads(reply.content)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ServerError(f"the reply is no JSON object; is {reply.request.url} a Flask Serving server?")
    return document


def _version_of(reply: httpx.Response) -> int:
    text = reply.headers.get("X-Model-Version", "")
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else 0


def _zipped(folder: Path) -> bytes:
    """Not compressed: weights hardly shrink."""
    if folder.is_file():
        return folder.read_bytes()
    missing = [name for name in PACKAGE[:2] if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(f"{folder} is no package: it has no {missing[0]}")
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in PACKAGE:
            if (folder / name).is_file():
                archive.write(folder / name, name)
    return target.getvalue()
