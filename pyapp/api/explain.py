"""?explain=1 of /classify: what the inputs have contributed to a score."""

import re
from collections.abc import Mapping
from typing import Any

from flask import request

from .errors import BadParameter
from .predict import NO_EXPLANATION

METHODS = ("integrated", "gradient")
MAX_STEPS = 512

_PARAMETERS = ("method", "steps", "target")


def asked_explanation() -> Mapping[str, Any]:
    """The arguments of Engine.handle that the query asks for: `explain`, `method`, `steps` and `target`."""
    asked = request.args.get("explain", "0")
    if asked.lower() not in ("0", "1", "false", "true"):
        raise BadParameter("explain", f"explain is {asked!r}; it must be 1 or 0")
    if asked.lower() in ("0", "false"):
        for name in _PARAMETERS:
            if name in request.args:
                raise BadParameter(name, f"{name} says how to explain an answer; that needs explain=1")
        return NO_EXPLANATION
    method = request.args.get("method", METHODS[0])
    if method not in METHODS:
        raise BadParameter("method", f"method is {method!r}; it must be {' or '.join(METHODS)}")
    return {"explain": method, "steps": _steps(method), "target": _target()}


def _steps(method: str) -> int:
    text = request.args.get("steps")
    if text is None:
        return 0
    if method != "integrated":
        raise BadParameter("steps", f"steps are of method integrated; {method} has one")
    if re.fullmatch("[0-9]{1,4}", text) and 1 <= int(text) <= MAX_STEPS:
        return int(text)
    raise BadParameter("steps", f"steps is {text!r}; it must be a whole number from 1 to {MAX_STEPS}")


def _target() -> str | None:
    text = request.args.get("target")
    if text is not None and "\0" in text:
        raise BadParameter("target", "target has a NUL inside; it must be a label, or the number of an output")
    return text
