"""OpenTelemetry spans, where its packages are installed (`pip install flask-serving[otel]`) and told where to send to.

OpenTelemetry's own variables say so: OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER and others.
A request continues the trace that its W3C `traceparent` names.
"""

import os
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_ATTRIBUTES = {
    "X-Model-Version": "serving.model.version",
    "X-Batch-Rows": "serving.batch.rows",
    "X-Queue-Us": "serving.queue.us",
    "X-Request-ID": "serving.request_id",
}


def is_wanted() -> bool:
    """Somebody has said where spans go to."""
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return any(os.environ.get(name) for name in names) and os.environ.get("OTEL_SDK_DISABLED", "").lower() != "true"


class Tracing:
    """A WSGI callable around the app.  The exporter's thread is started in the process that serves."""

    def __init__(self, app: "WSGIApplication", provider: Any = None) -> None:
        """`provider`: a TracerProvider; None makes one that exports over OTLP.  Raises ModuleNotFoundError."""
        from opentelemetry.instrumentation import wsgi  # noqa: F401 -- missing packages are told at the start

        self._app = app
        self._provider = provider
        self._pid = 0
        self._traced: Any = None
        self._lock = threading.Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """A span around the request."""
        if self._pid != os.getpid():
            self._begin()
        reply: Iterable[bytes] = self._traced(environ, start_response)
        return reply

    def _begin(self) -> None:
        from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware

        with self._lock:
            if self._pid != os.getpid():
                provider = self._provider or _exporting_provider()
                self._traced = OpenTelemetryMiddleware(self._app, response_hook=_tell, tracer_provider=provider)
                self._pid = os.getpid()


def _tell(span: Any, environ: Any, status: str, headers: list[tuple[str, str]]) -> None:
    for name, value in headers:
        if name in _ATTRIBUTES:
            span.set_attribute(_ATTRIBUTES[name], int(value) if value.isdecimal() else value)


def _exporting_provider() -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    service = os.environ.get("OTEL_SERVICE_NAME", "flask-serving")
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
