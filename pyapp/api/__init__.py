"""HTTP only: a module per blueprint.  Views translate; `pyapp.serving` and the engine decide and compute."""

from typing import cast

from flask import current_app

from pyapp.serving import Serving


def serving() -> Serving:
    """What the current app serves with."""
    return cast(Serving, current_app.extensions["serving"])
