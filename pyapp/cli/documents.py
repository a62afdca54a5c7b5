"""`flask openapi`, `flask serving config` and `errors`: what the code can say of itself."""

import click
from flask import current_app, json
from flask.cli import NoAppException, ScriptInfo, with_appcontext

from pyapp.api import errors, openapi, serving
from pyapp.config import Config
from pyapp.serving.snapshot import Snapshot

from . import as_json, print_json, settings


@settings.command("config", with_appcontext=False)
@as_json
def show_config(as_json: bool) -> None:
    """The settings in force, those of the app if there is one: environment variable, value, meaning."""
    rows = _config().rows()
    if as_json:
        print_json({variable: value for variable, value, _ in rows})
        return
    width = max(len(variable) for variable, _, _ in rows)
    for variable, value, meaning in rows:
        click.echo(f"{variable:<{width}}  {value}\n{'':<{width}}  {meaning}")


def _config() -> Config:
    script = click.get_current_context().ensure_object(ScriptInfo)
    try:
        app = script.load_app()
    except NoAppException:
        if script.app_import_path:
            raise
        return Config.read()
    parts = app.extensions.get("serving")
    return parts.config if parts is not None else Config.read()


@settings.command("errors", with_appcontext=False)
def show_errors() -> None:
    """Everything that can go wrong with a request, as Markdown."""
    click.echo(errors.catalogue(), nl=False)


@click.command("openapi")
@click.option("--without-models", is_flag=True, help="Leave out what the models of this store take.")
@with_appcontext
def print_openapi(without_models: bool) -> None:
    """The OpenAPI document of the API."""
    snapshot = Snapshot() if without_models else serving().registry.snapshot
    click.echo(json.dumps(openapi.build(current_app, snapshot), indent=2, ensure_ascii=False))
