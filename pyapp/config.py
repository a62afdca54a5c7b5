"""The configuration: one table, read once from the environment, checked before anything starts."""

import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

import click

from pyapp.packages.store import NAME
from pyapp.serving.policy import EXPECTED, Policy

ENGINE_TIMEOUT_MS = 25_000
"""What the engine chooses (ext/core/engine.h)."""

LEAST_SECRET = 16
"""Characters of a key or token."""

OWN_MODELS = Path("models")
"""The store that is nobody's but the user's, unless SERVING_MODELS names another."""


class ConfigError(click.ClickException):
    """A setting is wrong; the message names the variable, its value and what is allowed.

    A click exception, so that `flask` and `python -m pyapp` print the message alone and exit with status 2.
    """

    exit_code = 2


def _shipped_models() -> Path:
    """The models that come with the project: inside the installed package, or beside it in a source tree."""
    here = Path(__file__).resolve().parent
    return next((folder for folder in (here / "models", here.parent / "models") if folder.is_dir()), here / "models")


def _default_models() -> Path:
    """The folder `models` where the process was started, which all servers and commands so share; else what ships."""
    return OWN_MODELS.resolve() if OWN_MODELS.is_dir() else _shipped_models()


def _row(
    variable: str,
    meaning: str,
    low: int = 0,
    high: int = 0,
    check: Callable[[str], object] = str,
    secret: bool = False,
) -> dict[str, Any]:
    """The rest of a setting's row in the table.

    `low` and `high` bound a whole number; `check` raises ValueError for a text that is not possible; what is `secret`
    is never shown.
    """
    return {"variable": variable, "meaning": meaning, "low": low, "high": high, "check": check, "secret": secret}


def _one_of(*words: str) -> Callable[[str], None]:
    """A check: the text is one of these."""

    def check(text: str) -> None:
        if text not in words:
            raise ValueError(f"{text!r} is not possible; expected {', '.join(words[:-1])} or {words[-1]}")

    return check


def usable_cores() -> int:
    """Those that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_secret(text: str) -> None:
    """Raises ValueError, without the text, if it could be guessed."""
    if len(text) < LEAST_SECRET:
        raise ValueError(f"shorter than {LEAST_SECRET} characters, and could be guessed")


def _model_name(text: str) -> None:
    if not NAME.fullmatch(text):
        raise ValueError(f"{text!r} is no name of a model; expected letters, digits, _ - and . (not first)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What is in force.  Each field is one environment variable; `Config.read` is the only way in."""

    models: Path | str = field(
        default_factory=_default_models,
        metadata=_row(
            "SERVING_MODELS",
            "folder that holds <name>/<version>/, or its URL: s3://…, gs://…, https://…; "
            "default: ./models if it exists, else the models that ship",
        ),
    )
    default_model: str = field(
        default="",
        metadata=_row(
            "SERVING_DEFAULT_MODEL",
            "the model that /classify asks where none is named; empty: the only one",
            check=_model_name,
        ),
    )
    versions: str = field(
        default="latest",
        metadata=_row("SERVING_VERSIONS", f"which versions of each model are served: {EXPECTED}", check=Policy.parse),
    )
    poll_seconds: int = field(
        default=2,
        metadata=_row(
            "SERVING_POLL_SECONDS", "how often the store and decisions are looked at; 0: only when told", 0, 86_400
        ),
    )
    slots: int = field(
        default=0,
        metadata=_row("SERVING_SLOTS", "batches that a process computes at once; 0: its share of the cores", 0, 1024),
    )
    max_batch_rows: int = field(
        default=0,
        metadata=_row("SERVING_MAX_BATCH_ROWS", "rows in one batch; 0: the engine chooses", 0, 65_536),
    )
    max_queue_rows: int = field(
        default=0,
        metadata=_row(
            "SERVING_MAX_QUEUE_ROWS", "rows that may wait, beyond it 503; 0: the engine chooses", 0, 100_000_000
        ),
    )
    max_wait_us: int = field(
        default=-1,
        metadata=_row("SERVING_MAX_WAIT_US", "longest wait for company, in µs; -1: the engine chooses", -1, 1_000_000),
    )
    timeout_ms: int = field(
        default=0,
        metadata=_row(
            "SERVING_TIMEOUT_MS",
            f"a request's deadline, in ms, then 504; 0: {ENGINE_TIMEOUT_MS // 1000} s",
            0,
            3_600_000,
        ),
    )
    max_body_bytes: int = field(
        default=16 << 20,
        metadata=_row("SERVING_MAX_BODY_BYTES", "bytes in a request body, beyond it 413", 1, 1 << 30),
    )
    stream_seconds: int = field(
        default=3600,
        metadata=_row("SERVING_STREAM_SECONDS", "how long the body of a long batch (NDJSON) may take", 1, 604_800),
    )
    max_request_rows: int = field(
        default=100_000,
        metadata=_row("SERVING_MAX_REQUEST_ROWS", "rows in one request, beyond it 413", 1, 100_000_000),
    )
    max_image_pixels: int = field(
        default=32_000_000,
        metadata=_row("SERVING_MAX_IMAGE_PIXELS", "width x height of a picture, beyond it 413", 1, 1_000_000_000),
    )
    journal: str = field(
        default="off",
        metadata=_row(
            "SERVING_JOURNAL",
            "what is kept of requests: off, digest, or content (of bodies too)",
            check=_one_of("off", "digest", "content"),
        ),
    )
    journal_percent: int = field(
        default=100,
        metadata=_row("SERVING_JOURNAL_PERCENT", "share of the requests that the journal keeps", 1, 100),
    )
    api_keys: str = field(
        default="",
        repr=False,
        metadata=_row(
            "SERVING_API_KEYS",
            f"name:key, …: who has one (from {LEAST_SECRET} characters) may have predictions; empty: everybody may",
            secret=True,
        ),
    )
    rate_limit: str = field(
        default="",
        metadata=_row("SERVING_RATE_LIMIT", "predictions per key or client, e.g. 100/second; empty: no limit"),
    )
    rate_storage: str = field(
        default="memory://",
        repr=False,
        metadata=_row("SERVING_RATE_STORAGE", "where they are counted: memory://, or redis://… for all", secret=True),
    )
    cors_origins: str = field(
        default="",
        metadata=_row("SERVING_CORS_ORIGINS", "origins whose pages may read replies, or *; empty: none"),
    )
    max_upload_bytes: int = field(
        default=1 << 30,
        metadata=_row("SERVING_MAX_UPLOAD_BYTES", "bytes in a model package that an admin uploads", 1, 1 << 40),
    )
    log: str = field(
        default="auto",
        metadata=_row(
            "SERVING_LOG",
            "how python -m pyapp logs: json, text, auto (text in a terminal, else json), or off",
            check=_one_of("auto", "json", "text", "off"),
        ),
    )
    log_percent: int = field(
        default=1,
        metadata=_row("SERVING_LOG_PERCENT", "share of the requests that are logged; failures of ours always", 0, 100),
    )
    database_url: str = field(
        default="",
        repr=False,
        metadata=_row(
            "DATABASE_URL",
            "where decisions are kept; default: an SQLite file beside the models",
            secret=True,
        ),
    )
    admin_token: str = field(
        default="",
        repr=False,
        metadata=_row(
            "SERVING_ADMIN_TOKEN",
            f"who has it may change what is served, from {LEAST_SECRET} characters; empty: nobody may",
            check=check_secret,
            secret=True,
        ),
    )
    host: str = field(
        default="127.0.0.1",
        metadata=_row("SERVING_HOST", "address that python -m pyapp listens on"),
    )
    port: int = field(
        default=5000,
        metadata=_row("PORT", "port that python -m pyapp listens on; 0: any free one", 0, 65_535),
    )
    threads: int = field(
        default=16,
        metadata=_row("SERVING_THREADS", "requests that a process of python -m pyapp serves at once", 1, 1024),
    )
    workers: int = field(
        default=1,
        metadata=_row("SERVING_WORKERS", "processes of python -m pyapp; each batches its own requests", 1, 256),
    )

    given: frozenset[str] = field(default=frozenset(), repr=False)
    """The variables that somebody has set; the only field that is no setting."""

    @property
    def is_shipped(self) -> bool:
        """Are the models those of the installation, for want of others?  Nothing is to be written there then."""
        is_own = self.models == OWN_MODELS.resolve()
        return "SERVING_MODELS" not in self.given and self.models == _shipped_models() and not is_own

    @property
    def share_of_slots(self) -> int:
        """Of a process's engine; 0: one per core.  More leaders than cores make small batches and fight for caches."""
        if self.slots or self.workers == 1:
            return self.slots
        return max(1, usable_cores() // self.workers)

    @property
    def deadline(self) -> float:
        """Of a request, in seconds."""
        return (self.timeout_ms or ENGINE_TIMEOUT_MS) / 1000

    @classmethod
    def read(cls, environ: Mapping[str, Any] | None = None) -> Self:
        """The configuration that `environ` (default: the process's environment) asks for.  Raises ConfigError."""
        environ = os.environ if environ is None else environ
        table = {row.metadata["variable"]: row for row in _settings()}
        _refuse_misspelt(environ, list(table))
        values: dict[str, Any] = {}
        given = set()
        for variable, row in table.items():
            text = str(environ.get(variable, "")).strip()
            if not text:
                continue  # unset and empty are the same, as shells make the one of the other
            given.add(variable)
            if row.type is int:
                values[row.name] = _whole_number(variable, text, row.metadata["low"], row.metadata["high"])
            else:
                values[row.name] = _store(variable, text) if row.name == "models" else _checked(row, text)
        if "models" not in values and not _default_models().is_dir():
            raise ConfigError(
                "SERVING_MODELS is not set, there is no folder ./models, and no models came with this installation"
            )
        return cls(**values, given=frozenset(given))

    @classmethod
    def overlaid(cls, settings: Mapping[str, Any]) -> tuple[Self, dict[str, Any]]:
        """The environment with `settings` over it, and those of `settings` that are none of this table."""
        known = {row.metadata["variable"] for row in _settings()}
        others = {name: value for name, value in settings.items() if name not in known}
        unknown = sorted(name for name in others if name.startswith("SERVING_"))
        if unknown:
            raise ConfigError(f"{unknown[0]} is no setting; there are {', '.join(sorted(known))}")
        return cls.read({**os.environ, **settings}), others

    def rows(self) -> list[tuple[str, Any, str]]:
        """(variable, value in force, what it means) of each setting, for people."""
        table = []
        for row in _settings():
            limits = bounds(row.name)
            allowed = f" ({limits[0]} to {limits[1]})" if limits else ""
            value = getattr(self, row.name)
            shown = "(set, not shown)" if row.metadata["secret"] and value != row.default else value
            table.append((row.metadata["variable"], shown, meaning(row.name) + allowed))
        return table


def _settings() -> list[Field[Any]]:
    return [row for row in fields(Config) if row.metadata]


def _row_of(name: str) -> Field[Any]:
    return next(row for row in _settings() if row.name == name)


def bounds(name: str) -> tuple[int, int] | None:
    """Least and greatest value of a setting that is a whole number; None for others."""
    row = _row_of(name)
    return (row.metadata["low"], row.metadata["high"]) if row.type is int else None


def meaning(name: str) -> str:
    """What a setting is for, in a line."""
    return str(_row_of(name).metadata["meaning"])


def _whole_number(variable: str, text: str, low: int, high: int) -> int:
    if re.fullmatch(r"[+-]?[0-9]{1,18}", text) and low <= int(text) <= high:
        return int(text)
    raise ConfigError(f"{variable} is {text!r}; it must be a whole number from {low} to {high}")


def _checked(row: Field[Any], text: str) -> str:
    try:
        row.metadata["check"](text)
    except ValueError as error:
        raise ConfigError(f"{row.metadata['variable']}: {error}") from error
    return text


def _store(variable: str, text: str) -> Path | str:
    """A URL stays one; anything else must be a folder."""
    if re.match(r"[a-z][a-z0-9+.-]*://", text):
        return text
    folder = Path(text).expanduser()
    if not (folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)):
        wrong = "does not exist" if not folder.exists() else "may not be read" if folder.is_dir() else "is no folder"
        raise ConfigError(f"{variable} is {text!r}, which {wrong}; it must be a folder that holds <name>/<version>/")
    return folder.resolve()


def _refuse_misspelt(environ: Mapping[str, Any], known: list[str]) -> None:
    """A setting with a slip in its name would be ignored in silence.  Others' SERVING_… variables are let be."""
    for variable in environ:
        if variable.startswith("SERVING_") and variable not in known:
            close = difflib.get_close_matches(variable, known, n=1, cutoff=0.9)
            if close:
                raise ConfigError(f"{variable} is no setting; did you mean {close[0]}?")
