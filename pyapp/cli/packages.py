"""`flask models import`, `show`, `remove` and `check`.

They need no app, only its settings: importing one model must not load all others first.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pyapp import engine
from pyapp.packages import load, store
from pyapp.serving.manifest import describe
from pyapp.serving.store import FolderStore, Listing

from . import as_json, examples, models, print_json
from .opened import config, one_message, open_models, require_version, store_folder

if TYPE_CHECKING:
    from pyapp.importers.run import Report

LINES = 40
"""Of layers, steps and labels, at most so many are shown."""

_PATH = click.Path(path_type=Path)


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on stderr for each part of the work, if a person looks on."""
    bars: dict[str, Any] = {}

    def tell(what: str, done: int, total: int) -> None:
        if quiet or not sys.stderr.isatty():
            return
        if what not in bars:
            bars[what] = click.progressbar(length=total, label=what, file=sys.stderr)
            bars[what].__enter__()
        bars[what].update(done - bars[what].pos)
        if done >= total:
            bars[what].render_finish()

    yield tell


def _split(context: click.Context, parameter: click.Parameter, value: str | None) -> list[str] | None:
    """Labels between commas, or a file with one on each line: @labels.txt."""
    if value is None:
        return None
    if value.startswith("@"):
        try:
            lines = Path(value[1:]).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise click.BadParameter(f"{value[1:]}: {error}") from error
        return [line.strip() for line in lines if line.strip()]
    labels = [label.strip() for label in value.split(",")]
    if not all(labels):
        raise click.BadParameter("an empty label")
    return labels


@models.command(
    "import",
    with_appcontext=False,
    epilog=examples(
        "flask models import churn.keras --name churn --labels stays,leaves",
        "flask models import price.onnx --name price --eval test.csv --target price",
    ),
)
@click.argument("file", type=_PATH)
@click.option("--name", required=True, help="The model's name in the store.")
@click.option("--version", type=click.IntRange(min=1), help="Its number; without it the next one.")
@click.option("--labels", callback=_split, help="The classes between commas, or @FILE with one a line.")
@click.option("--architecture", type=_PATH, help="The layers, for files that hold tensors alone (docs/importing.md).")
@click.option("--task", type=click.Choice(["classification", "regression"]), help="Where the file does not tell.")
@click.option("--output", help="Which of several outputs, or methods, to serve.")
@click.option("--samples", type=_PATH, help="Inputs, or inputs and outputs, to keep and replay: .jsonl, .csv, .npy.")
@click.option("--eval", "evaluation", type=_PATH, help="A CSV file to measure the model with.")
@click.option("--train-data", "training", type=_PATH, help="A CSV file of what was trained on, to tell drift from.")
@click.option("--target", help="The column of --eval and --train-data with the right answers.")
@click.option("--trust", is_flag=True, help="Run the pickle that the file is, in a process of its own.")
@click.option("--description", help="One line, for people.")
@click.option("--dry-run", is_flag=True, help="Do everything but write into the store.")
@as_json
def import_command(file: Path, name: str, as_json: bool, dry_run: bool, **chosen: Any) -> None:
    """Make a new version of a model out of a trained FILE.

    FILE is of Keras, ONNX, scikit-learn or PyTorch; what it is, is told by its content.
    """
    if chosen["evaluation"] is not None and chosen["target"] is None:
        raise click.UsageError("--eval and --target go together")
    if chosen["target"] is not None and chosen["evaluation"] is None and chosen["training"] is None:
        raise click.UsageError("--target goes with --eval or --train-data")
    from pyapp.importers.run import import_model

    with one_message(), progress(quiet=as_json) as tell:
        place = store_folder(for_new=True)
        is_new_store = not dry_run and not place.exists()
        report = import_model(file, place, name, dry_run=dry_run, progress=tell, **chosen)
    if as_json:
        print_json({**asdict(report), "folder": str(report.folder) if report.folder else None})
        return
    _summarise(report, chosen["training"])
    if not dry_run:
        _note_ambiguity(report.name, place)
    if is_new_store:
        click.echo(f"{place} is new: what is started here from now on serves it, in place of the models that ship.")


def _note_ambiguity(name: str, place: Path) -> None:
    """A second model changes what requests mean that name none."""
    listing = FolderStore(place).list()
    if len(listing) > 1 and len(listing[name]) == 1 and not config().default_model:
        _line(
            "note", f"/classify now wants ?model=NAME, or a server with SERVING_DEFAULT_MODEL={_other(listing, name)}"
        )


def _other(listing: Listing, name: str) -> str:
    """A model that was there before."""
    return next(other for other in listing if other != name)


def _summarise(report: "Report", training: Path | None) -> None:
    for key, values in (("input", report.inputs), ("step", report.steps), ("layer", report.layers)):
        for value in values[:LINES]:
            _line(key, value)
        if len(values) > LINES:
            _line("", f"… and {len(values) - LINES} more")
    _line("parameters", f"{report.parameters:,}")
    more = ", …" if len(report.labels) > LINES else ""
    _line("task", f"{report.task} of {report.outputs} output{'s' if report.outputs > 1 else ''}")
    if report.labels:
        _line("labels", ", ".join(report.labels[:LINES]) + more)
    for note in report.notes:
        _line("note", note)
    if report.parity is not None:
        difference = f"largest difference {report.parity:.2g}"
        _line("samples", f"{report.samples}, with outputs of {report.samples_from}; {difference}")
    if report.evaluation:
        metric = {"accuracy": "accuracy", "r2": "R²"}[report.evaluation.metric]
        _line(metric, f"{report.evaluation.value:.4f} on {report.evaluation.rows} rows")
    if training is not None:
        _line("statistics", f"of {training.name}, from which drift is told")
    written = f"written to {report.folder}" if report.folder else "a dry run, nothing was written"
    click.echo(f"{report.name} {report.version}: {written}")


def _line(key: str, value: object) -> None:
    click.echo(f"{key:<11} {value}")


@models.command(
    "show", with_appcontext=False, epilog=examples("flask models show mnist", "flask models show mnist 1 --json")
)
@click.argument("name")
@click.argument("version", type=click.IntRange(min=1), required=False)
@as_json
def show_command(name: str, version: int | None, as_json: bool) -> None:
    """What a version (without a number the newest) takes, does and answers."""
    with one_message():
        opened = open_models(name, load=False, strict=False)
        number = max(opened.listing[name]) if version is None else version
        require_version(opened.listing, name, number)
        folder = opened.store.fetch(name, number)
        _tell(load(folder, name=name, version=number), folder, as_json)


@models.command("check", with_appcontext=False, epilog=examples("flask models check models/mnist/2"))
@click.argument("folder", type=_PATH)
@as_json
def check_command(folder: Path, as_json: bool) -> None:
    """Whether the package in FOLDER would be served: its digest, its parts, its samples."""
    with one_message():
        if not folder.is_dir():
            raise click.ClickException(f"{folder} is no folder; expected that of a package, as models/mnist/2")
        try:
            place = folder.resolve()
            numbered = store.VERSION.fullmatch(place.name)
            model = load(place, name=place.parent.name, version=int(place.name) if numbered else 1)
        except engine.PackageError as error:
            if as_json:
                print_json({"ok": False, "error": str(error)})
                sys.exit(1)
            raise
        _tell(model, folder, as_json, ok=True)


def _tell(model: engine.Model, folder: Path, as_json: bool, **more: Any) -> None:
    import json

    from pyapp.importers.run import input_line, layer_line, step_line

    told, manifest = describe(model), json.loads(model.manifest)
    if as_json:
        print_json({**more, "name": model.name, "version": model.version, "folder": str(folder), **asdict(told)})
        return
    click.echo(f"{model.name} {model.version}  {told.task}  {told.description}".rstrip())
    for key, values in (
        ("input", map(input_line, manifest["inputs"])),
        ("step", map(step_line, manifest.get("preprocess", ()))),
        ("layer", map(layer_line, manifest["layers"])),
    ):
        for value in values:
            _line(key, value)
    _line("parameters", f"{model.parameters:,}")
    if model.labels:
        _line("labels", ", ".join(model.labels))
    for name, value in told.provenance.items():
        _line(name, value)


@models.command(
    "remove",
    with_appcontext=False,
    epilog=examples("flask models remove mnist 1", "flask models remove mnist 1 --yes --json"),
)
@click.argument("name")
@click.argument("version", type=click.IntRange(min=1))
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--force", is_flag=True, help="Even a version that decisions name.")
@as_json
def remove_command(name: str, version: int, yes: bool, force: bool, as_json: bool) -> None:
    """Take a version away for good.  Servers that have it answer what they are asked, and let it go."""
    with one_message():
        folder = store.existing(store_folder(), name, version)
        opened = open_models(name, load=False, strict=not force)
        if version in opened.routing(name).pinned() and not force:
            raise store.StoreError(
                f"{name} {version} is promoted, labelled, or has a share of the traffic: change that first "
                f"(flask models audit {name} tells who decided it), or remove it with --force"
            )
        if not yes:
            click.confirm(f"Remove {folder}?", abort=True, err=True)
        store.remove(store_folder(), name, version)
    if as_json:
        print_json({"removed": {"name": name, "version": version}})
    else:
        click.echo(f"{name} {version}: removed")
