"""`flask openapi`: the document that the code writes of itself."""

import click
from flask import current_app, json
from flask.cli import with_appcontext

from pyapp.api import openapi, serving
from pyapp.serving.snapshot import Snapshot


@click.command("openapi")
@click.option("--without-models", is_flag=True, help="Leave out what the models of this store take.")
@with_appcontext
def print_openapi(without_models: bool) -> None:
    """The OpenAPI document of the API."""
    snapshot = Snapshot() if without_models else serving().registry.snapshot
    click.echo(json.dumps(openapi.build(current_app, snapshot), indent=2, ensure_ascii=False))
