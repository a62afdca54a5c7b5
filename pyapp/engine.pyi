"""The C extension: models, and the data path from request body to reply body.  Built from ext/."""

from collections.abc import Callable
from os import PathLike
from typing import Any, Literal, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

class Error(Exception):
    """Base of all errors of the engine."""

class PackageError(Error):
    """A model package is broken; the message names file, field and what was expected."""

class InputError(Error, ValueError):
    """A request or array does not fit.  Raised by a picture decoder, `status` is the HTTP status to answer with."""

class Overloaded(Error):
    """The queue is full."""

class DeadlineExceeded(Error):
    """The request's deadline passed before it was computed."""

@final
class Model:
    """An immutable, loaded model package; safe to use from any number of threads."""

    @classmethod
    def load(
        cls,
        folder: str | PathLike[str],
        *,
        name: str | None = None,
        version: int | None = None,
        plan_cache: str | None = None,
        counts: str | None = None,
    ) -> Model:
        """Loads, checks and plans the package in `folder`, and replays its samples.

        Name and version default to the folder's last two path components.

        `plan_cache`: the folder that keeps what was measured on this CPU (default: in the user's cache; "": none).
        `counts`: the folder of files in which processes that serve this version count together what it is asked
        (default: memory, shared with children forked later); without statistics in the package nothing is counted.
        Raises PackageError; also if a line of samples.jsonl is answered otherwise than the manifest's tolerance allows.
        """
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def task(self) -> Literal["classification", "regression"]: ...
    @property
    def features(self) -> int:
        """Numbers in one row of input, as sent: a table has one per column (a category: its index)."""
    @property
    def outputs(self) -> int:
        """Numbers in one row of output."""
    @property
    def output_columns(self) -> dict[str, int]:
        """Numbers in one row of each output, by name; together they are `outputs`."""
    @property
    def labels(self) -> list[str]:
        """One per output of a classification; [] for a regression."""
    @property
    def parameters(self) -> int:
        """Trained numbers: kernels, biases, and the terms of normalisations and activations."""
    @property
    def manifest(self) -> str:
        """The text of model.json."""
    @property
    def plan(self) -> dict[str, Any]:
        """What was chosen per layer for this CPU: tile columns, tile heights, µs per tile, GFLOPS."""
    @property
    def nbytes(self) -> int:
        """Bytes of memory the model holds."""
    def drift(self) -> dict[str, Any] | None:
        """Counts in the bins of the package's statistics, by all that share them; None if it has none.

        `rows` that were asked, those of them that were `sampled`, their `features` (for each its bins, then missing
        values), and `labels`: rows by their best label, empty if the statistics have no labels.
        """
    def predict(self, x: ArrayLike, /) -> NDArray[np.float32]:
        """float32 [rows, features] (or [features]) -> float32 [rows, outputs]; the GIL is released.

        Zero-copy for C-contiguous float32.  Preprocessing runs first, as on every other way in.
        """

@final
class Engine:
    """Runs requests in batches.  No threads of its own: the waiting requests do the work."""

    def __new__(
        cls,
        *,
        slots: int = 0,
        max_batch_rows: int = 0,
        max_queue_rows: int = 0,
        max_wait_us: int = -1,
        timeout_ms: int = 0,
        max_body_bytes: int = 0,
        max_request_rows: int = 0,
        max_image_pixels: int = 0,
        decode_image: Callable[[bytes, int, int], tuple[bytes, int, int, int]] | None = None,
    ) -> Self:
        """0 (or -1 for max_wait_us) takes the default.

        `decode_image(encoded, useful_edge, max_pixels)` returns (pixels, height, width, channels): packed 8-bit rows of
        1, 2, 3 or 4 channels; it raises InputError with a `status` attribute for what it refuses.
        """
    def handle(
        self,
        model: Model,
        protocol: str,
        body: bytes,
        content_type: str = "",
        request_id: str | None = None,
        *,
        top: int = 0,
        timeout_ms: int = 0,
        background: bool = False,
        raw: bool = False,
        json_size: int = -1,
        explain: str | None = None,
        steps: int = 0,
        target: str | None = None,
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """The whole data path for one request: (HTTP status, headers, reply body).

        `protocol` is "classify", "tensorflow", "tensorflow_classify", "tensorflow_regress" or "openinference"; for the
        last `json_size` is what the header Inference-Header-Content-Length says, -1 if there is none.  `timeout_ms`
        shortens the engine's own deadline; a `background` request is computed only when no other waits.  `raw` replies
        with the outputs alone, float32 [rows, outputs] in the machine's byte order, and counts nothing: for those who
        observe what others asked.  Never raises for what a client sent.

        With a `request_id` the headers are all that a reply needs, length, version and id among them; without, they are
        those that only the engine knows.

        `explain`, for "classify" alone: "gradient" or "integrated" adds to each row what each input has contributed to
        the score of `target` (a label, or the number of an output; default: the best label, or the first number), with
        `steps` (1 to 512; 0: 32) for the integral.  docs/explain.md has more.
        """
    def handle_together(
        self, requests: list[tuple[Model, str, bytes, str, str, float, int, int]], /
    ) -> list[tuple[int, list[tuple[str, str]], bytes]]:
        """As `handle`, for up to 64 requests on one thread: they are queued first, and share batches.

        A request is (model, protocol, body, content type, request id, seconds that it has waited before: they count
        towards its deadline and its time in the queue, top, json_size).
        """
    def stats(self) -> dict[str, Any]:
        """Counts since the engine was made, of this process and all that were forked since, those that are gone too.

        Taken without stopping anything.  `requests`, `rows`, `batches`, `batch_rows` (batches by their rows),
        `rejected`, `expired`, `cancelled`, `waits` (batches whose leader let others join), `queued_rows` and
        `running` (now, of the processes that live), and `models`: for each version that was ever asked `model`,
        `version`, `rows`, `last_ms` (Unix time), `failed_ns` (time of those not answered), `requests` (by outcome),
        `executions` (batches computed, `raw` requests' too: (rows, count, ns) by rows, ascending) and `histograms` of
        the answered ones: `parse`, `preprocess`, `queue`, `forward`, `reply`, `total` in ns, and `batch_rows`.  A
        histogram is `count`, `sum` and `buckets`: those not empty, as (exclusive upper bound, count).  `host` has
        what `count` was told.  After 1023 versions all further ones are counted as version 0 of `(others)`.
        """
    def count(
        self,
        what: Literal[
            "store_errors",
            "database_errors",
            "observer_dropped",
            "refused_late",
            "refused_key",
            "refused_limit",
            "refused_admin",
        ],
        by: int = 1,
        /,
    ) -> None:
        """Adds to what `stats` has under `host`: what is not the engine's, and must be right in several processes."""
    def close(self) -> None:
        """Refuses new work and waits until what is queued is answered.  Idempotent."""

blas: str
"""OpenBLAS's version and the kernel that it chose for this CPU."""
