"""The fast path: a predict request goes from the WSGI server to the engine without Flask's request objects.

It takes what is plain: POST to a predict URL of a model that can answer, with a body whose length is announced and
within the limit.  Everything else goes to Flask as it came, and with it every refusal that is not the engine's own, so
that both ways give the same status, headers and body.

Whoever builds on the app and has Flask do something with every request (a `before_request` function, a signal, another
view for a route of ours) must see all of them.  So what can do that is noted when create_app is done, and compared
once, at the first request: that one always goes through Flask, which from then on refuses such changes itself.  If
something was added, every request goes through Flask.  (Signals can still be connected later; those come too late.)
"""

from collections.abc import Iterable
from io import BytesIO
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import Flask, signals
from werkzeug.http import HTTP_STATUS_CODES

from pyapp import engine

from .access_log import AccessLog
from .api.access import ApiKeys
from .api.classify import is_plain
from .serving.observer import Observer
from .serving.parts import Parts
from .serving.snapshot import Entry, Snapshot
from .sticky import sticky_key

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_STATUS = {code: f"{code} {phrase.upper()}" for code, phrase in HTTP_STATUS_CODES.items()}
TENSORFLOW_METHODS = {
    "predict": "tensorflow",
    "classify": "tensorflow_classify",
    "regress": "tensorflow_regress",
}
_VIEWS = ("classify.classify", "tensorflow.predict", "openinference.infer")
_SCOPES = (None, "classify", "tensorflow", "openinference")
_SIGNALS = (
    signals.appcontext_pushed,
    signals.request_started,
    signals.request_finished,
    signals.request_tearing_down,
    signals.appcontext_tearing_down,
)


class Route(NamedTuple):
    """What answers at a URL."""

    model: engine.Model
    protocol: str
    entry: Entry
    is_split: bool
    """Which version answers is decided by each request's sticky key."""
    is_watched: bool
    """Somebody observes what is asked and answered."""


Plain = tuple[Route, int, int, int]
"""A plain request: what answers, the size of its body, how many labels it wants (0: all scores), and how much of the
body is JSON before binary tensors (-1: all)."""


class _BrokenInput:
    """A body whose reading failed, for Flask to fail in the same way."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def read(self, _size: int = -1) -> bytes:
        """Fails again."""
        raise self.error


class FastPath:
    """A WSGI callable in front of Flask's own, which is `flask`; safe from any thread."""

    def __init__(self, app: Flask, serving: Parts, keys: ApiKeys | None = None, log: AccessLog | None = None) -> None:
        """`app`: complete but for what others may add to it.  `keys`: who may ask, if not everybody.

        `log` writes the lines of both ways.
        """
        self._app = app
        self._log = log
        self.flask: WSGIApplication = app.wsgi_app if log is None else log.around(app.wsgi_app)
        self._registry = serving.registry
        self._watcher = serving.watcher
        self._request_ids = serving.request_ids
        self._new_id = serving.request_ids.new
        self._observer = serving.observer
        self._handle = serving.engine.handle
        self._limit = serving.config.max_body_bytes
        self._keys = keys
        self._has_origins = bool(serving.config.cors_origins)
        self._expected = _influences(app)
        self._undecided = True
        self._open = False
        self._table: tuple[Snapshot | None, dict[str, Route]] = (None, {})
        serving.registry.subscribe(self._forget)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answers, or has Flask answer."""
        begun = perf_counter()
        plain = self.look(environ)
        if plain is None:
            return self._through_flask(environ, start_response)
        route, size, top, json_size = plain
        if (body := self.read(environ, size)) is None:
            return self.flask(environ, start_response)
        try:
            model, content_type = self.model_of(route, environ, body), environ.get("CONTENT_TYPE", "")
            request_id = self.id_of(environ)
            if top == 0 and json_size < 0:  # names take the interpreter half a microsecond
                status, headers, reply = self._handle(model, route.protocol, body, content_type, request_id)
            else:
                status, headers, reply = self._handle(
                    model, route.protocol, body, content_type, request_id, top=top, json_size=json_size
                )
        except Exception:  # a fault of ours: Flask meets it again, logs it and answers
            environ["wsgi.input"] = BytesIO(body)
            return self.flask(environ, start_response)
        if route.is_watched and status == 200:
            self.show(route, model, body, content_type, request_id, json_size)
        self.tell(environ, status, headers, begun)
        start_response(_STATUS.get(status) or f"{status} UNKNOWN", headers)
        return [reply]

    def model_of(self, route: Route, environ: "WSGIEnvironment", body: bytes) -> engine.Model:
        """The version that answers: decided by the request, where traffic is split."""
        return route.entry.find(key=sticky_key(environ, body)) if route.is_split else route.model

    def show(
        self, route: Route, model: engine.Model, body: bytes, content_type: str, request_id: str, json_size: int
    ) -> None:
        """Tells those who watch the route what was answered."""
        self._observer.seen(route.entry, model, route.protocol, body, content_type, request_id, json_size)

    def look(self, environ: "WSGIEnvironment") -> Plain | None:
        """What is asked for; None: that is for Flask to say."""
        snapshot, routes = self._table
        if snapshot is not self._registry.snapshot:
            routes = self._routes()
        key, top = environ["PATH_INFO"], 0
        if query := environ.get("QUERY_STRING"):
            key, top = _with_query(key, query)
        route = routes.get(key)
        if route is None:
            return None
        length = environ.get("CONTENT_LENGTH", "")
        if (
            environ["REQUEST_METHOD"] != "POST"
            or not length.isdecimal()
            or len(length) > 12  # int() has limits of its own
            or not 0 < (size := int(length)) <= self._limit
            or "HTTP_TRANSFER_ENCODING" in environ
            or "HTTP_CONTENT_ENCODING" in environ
            or "HTTP_EXPECT" in environ
            or "HTTP_X_REQUEST_TIMEOUT_MS" in environ
            or "HTTP_X_REQUEST_PRIORITY" in environ
            or (self._has_origins and "HTTP_ORIGIN" in environ)
            or (route.protocol == "classify" and not is_plain(environ))
            or (self._keys is not None and self._keys.name_of(environ) is None)
        ):
            return None
        json_size = -1
        if (announced := environ.get("HTTP_INFERENCE_HEADER_CONTENT_LENGTH")) is not None:
            if not announced.isdecimal() or not announced.isascii() or len(announced) > 12:
                return None
            json_size = int(announced)
        return route, size, top, json_size

    def read(self, environ: "WSGIEnvironment", size: int) -> bytes | None:
        """The body; None: it ends early or can't be read, and Flask finds that again when it is asked."""
        try:
            body: bytes = environ["wsgi.input"].read(size)
        except Exception as error:
            environ["wsgi.input"] = _BrokenInput(error)
            return None
        if len(body) == size:
            return body
        environ["wsgi.input"] = BytesIO(body)
        return None

    def id_of(self, environ: "WSGIEnvironment") -> str:
        """The request's id."""
        return self._request_ids.of(environ) if "HTTP_X_REQUEST_ID" in environ else self._new_id()

    def tell(self, environ: "WSGIEnvironment", status: int, headers: list[tuple[str, str]], begun: float) -> None:
        """Logs a request that came at `begun` (of `perf_counter`), if that is wanted."""
        if self._log is not None and self._log.takes(status):
            self._log.write(environ, status, headers, perf_counter() - begun)

    def _through_flask(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not self._undecided:
            return self.flask(environ, start_response)
        self._watcher.ensure()  # in the process that serves, and not in one that only forks others
        try:
            return self.flask(environ, start_response)
        finally:
            self._open = _influences(self._app) == self._expected
            self._undecided = False

    def _forget(self, _snapshot: Snapshot) -> None:
        """An idle process must not keep the models of an old snapshot alive."""
        self._table = (None, {})

    def _routes(self) -> dict[str, Route]:
        """The table of the current snapshot; empty before the first request, and if Flask must see them all."""
        if not self._open:
            return {}
        snapshot = self._registry.snapshot
        routes = _routes_of(snapshot, self._observer)
        self._table = snapshot, routes
        return routes


def _routes_of(snapshot: Snapshot, observer: Observer) -> dict[str, Route]:
    """By path, or path?query for the ways in which /classify is told a model or version."""
    table = {}
    for name, entry in snapshot.models.items():
        watched = observer.watches(entry)
        ways: list[tuple[str, str, engine.Model, bool]] = []
        if entry.default is not None:
            ways.append(("", "", entry.available[entry.default], entry.routing.split is not None))
        ways += [
            (f"/versions/{number}", f"version={number}", model, False) for number, model in entry.available.items()
        ]
        for label, number in entry.labels().items():
            ways.append((f"/labels/{label}", f"label={label}", entry.available[number], False))
        for path, query, model, split in ways:
            for method, protocol in TENSORFLOW_METHODS.items():
                table[f"/v1/models/{name}{path}:{method}"] = Route(model, protocol, entry, split, watched)
            table[f"/v2/models/{name}{path}/infer"] = Route(model, "openinference", entry, split, watched)
            named = f"model={name}&{query}".rstrip("&")
            for text in (named, query) if name == snapshot.unnamed else (named,):
                table[f"/classify?{text}".rstrip("?")] = Route(model, "classify", entry, split, watched)
    return table


def _with_query(path: str, query: str) -> tuple[str, int]:
    """The table's key for a path and its query, and `top`, which must come last."""
    rest, _, last = query.rpartition("&")
    digits = last.removeprefix("top=")
    if digits == last:
        return f"{path}?{query}", 0
    if digits.isdecimal() and len(digits) <= 9 and (top := int(digits)) > 0:
        return f"{path}?{rest}".rstrip("?"), top
    return "", 0


def _influences(app: Flask) -> list[Any]:
    """All by which others may have Flask do more with a request than our views do."""
    hooks = (
        app.before_request_funcs,
        app.after_request_funcs,
        app.teardown_request_funcs,
        app.url_value_preprocessors,
    )
    return [
        [list(table.get(scope, ())) for table in hooks for scope in _SCOPES],
        list(app.teardown_appcontext_funcs),
        [app.view_functions[view] for view in _VIEWS],
        [app.request_class, app.response_class, app.session_interface],
        [app.config["MAX_CONTENT_LENGTH"], app.config["TRUSTED_HOSTS"]],
        [signal.has_receivers_for(app) for signal in _SIGNALS],
    ]
