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
        openapi,
        openinference,
        page,
        repository,
        stats,
        tensorflow,
        upload,
    )

    compute = (classify, tensorflow, openinference, repository)
    tell = (health, models, metrics, stats, insight, drift, openapi)
    found = (*compute, *tell, admin, upload, page)
    return tuple(module.bp for module in found)
