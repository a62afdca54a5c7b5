"""HTTP only: a module per blueprint.  Views translate; `pyapp.serving` and the engine decide and compute."""

from typing import cast

from flask import Blueprint, current_app

from pyapp.serving.parts import Parts


def serving() -> Parts:
    """What the current app serves with."""
    return cast(Parts, current_app.extensions["serving"])


def modules() -> tuple[Blueprint, ...]:
    """Every blueprint of the API, and the page."""
    from . import (
        admin,
        classify,
        drift,
        health,
        insight,
        metrics,
        models,
        openinference,
        page,
        stats,
        tensorflow,
        upload,
    )

    computing = (classify, tensorflow, openinference)
    telling = (drift, health, insight, metrics, models, stats, page)
    return tuple(module.bp for module in (admin, upload, *computing, *telling))
