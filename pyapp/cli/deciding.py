"""`flask models promote`, `rollback`, `label`, `split`, `shadow`, `policy` and `audit`: what people decide.

A decision is written into the state, with the login name of who made it; running servers take it over within their
poll period.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from pyapp.serving.decisions import Decisions
from pyapp.serving.policy import EXPECTED
from pyapp.serving.routing import POINTS, Routing, to_document
from pyapp.serving.snapshot import Entry

from . import as_json, examples, models, print_json
from .opened import one_message, open_models, user
from .tables import print_table

NEWEST = "newest"

_VERSION = click.IntRange(min=1, max=10**18 - 1)
_name = click.argument("name")


class _Version(click.ParamType[int | str]):
    """A version's number, or `newest`."""

    name = "version"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if value == NEWEST:
            return NEWEST
        if not str(value).removeprefix("-").isdecimal():
            self.fail(f"{value!r} is no version; expected a number from 1, or {NEWEST}", param, ctx)
        return _VERSION.convert(value, param, ctx)


@models.command(
    "promote",
    with_appcontext=False,
    epilog=examples("flask models promote mnist 2", "flask models promote mnist newest"),
)
@_name
@click.argument("version", type=_Version())
@as_json
def promote_command(name: str, version: int | str, as_json: bool) -> None:
    """Let VERSION answer whoever names none, whatever newer ones come; `newest`: the newest, as it comes.

    It is loaded and checked first: a version that can't answer is refused.
    """

    def change(decisions: Decisions) -> Routing:
        if version == NEWEST:
            return decisions.follow_newest(name, user())
        return decisions.promote(name, int(version), user())

    _decide(name, as_json, change)


@models.command("rollback", with_appcontext=False, epilog=examples("flask models rollback mnist"))
@_name
@as_json
def rollback_command(name: str, as_json: bool) -> None:
    """Let the version answer that answered before."""
    _decide(name, as_json, lambda decisions: decisions.rollback(name, user()))


@models.command(
    "label",
    with_appcontext=False,
    epilog=examples("flask models label mnist canary 2", "flask models label mnist canary --remove"),
)
@_name
@click.argument("label")
@click.argument("version", type=_VERSION, required=False)
@click.option("--remove", is_flag=True, help="Take the label away.")
@as_json
def label_command(name: str, label: str, version: int | None, remove: bool, as_json: bool) -> None:
    """Let LABEL mean VERSION, which must be able to answer."""
    if (version is None) != remove:
        raise click.UsageError("give the VERSION that the label is to mean, or --remove")

    def change(decisions: Decisions) -> Routing:
        if version is None:
            return decisions.unlabel(name, label, user())
        return decisions.label(name, label, version, user())

    _decide(name, as_json, change)


def _shares(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, float]:
    """TARGET=PERCENT, …"""
    shares: dict[str, float] = {}
    for value in values:
        target, _, percent = value.rpartition("=")
        try:
            share = float(percent.removesuffix("%"))
        except ValueError:
            share = -1.0
        if not target or not 0 <= share <= 100:
            raise click.BadParameter(f"{value!r}; expected TARGET=PERCENT, such as 1=90 or canary=10")
        if target in shares:
            raise click.BadParameter(f"{target} has two shares")
        shares[target] = share
    return shares


@models.command(
    "split",
    with_appcontext=False,
    epilog=examples(
        "flask models split mnist 1=90 2=10",
        "flask models split mnist stable=99.5 canary=0.5",
        "flask models split mnist --off",
    ),
)
@_name
@click.argument("shares", nargs=-1, callback=_shares, metavar="[TARGET=PERCENT]...")
@click.option("--off", is_flag=True, help="One version answers again.")
@as_json
def split_command(name: str, shares: dict[str, float], off: bool, as_json: bool) -> None:
    """Share the traffic that names no version among versions or labels, in percents that sum to 100."""
    if bool(shares) == off:
        raise click.UsageError("give shares, such as 1=90 2=10, or --off")
    _decide(name, as_json, lambda decisions: decisions.split(name, shares or None, user()))


@models.command(
    "shadow",
    with_appcontext=False,
    epilog=examples("flask models shadow mnist 2 20", "flask models shadow mnist --off"),
)
@_name
@click.argument("target", required=False)
@click.argument("percent", type=float, required=False)
@click.option("--off", is_flag=True, help="End it.")
@as_json
def shadow_command(name: str, target: str | None, percent: float | None, off: bool, as_json: bool) -> None:
    """Run PERCENT of the traffic also on TARGET, a version or label; answers are not affected.

    `flask models compare` tells how the two agree.
    """
    if off != (target is None) or (target is None) != (percent is None):
        raise click.UsageError("give TARGET and PERCENT, such as 2 20, or --off")
    _decide(name, as_json, lambda decisions: decisions.shadow(name, target, percent or 0, user()))


@models.command(
    "policy",
    with_appcontext=False,
    epilog=examples("flask models policy mnist latest:2", "flask models policy mnist --default"),
)
@_name
@click.argument("text", required=False)
@click.option("--default", "as_configured", is_flag=True, help="As SERVING_VERSIONS says.")
@as_json
def policy_command(name: str, text: str | None, as_configured: bool, as_json: bool) -> None:
    """Say which versions of a model servers keep loaded: latest, latest:N, all, none, or numbers such as 1,3."""
    if (text is None) != as_configured:
        raise click.UsageError(f"give a policy ({EXPECTED}), or --default")
    _decide(name, as_json, lambda decisions: decisions.policy(name, text, user()))


@models.command(
    "audit",
    with_appcontext=False,
    epilog=examples("flask models audit mnist", "flask models audit mnist --limit 100 --json"),
)
@_name
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Changes to show.")
@as_json
def audit_command(name: str, limit: int, as_json: bool) -> None:
    """Who changed what about a model, newest first; also of a model that has gone."""
    with one_message():
        changes = open_models(load=False).decisions.audit(name, limit)
    if as_json:
        keys = ("who", "action", "before", "after")
        print_json(
            {"audit": [{"at": c.at.isoformat(), **{key: getattr(c, key) for key in keys}} for c in changes]},
        )
        return
    if not changes:
        click.echo(f"Nothing was decided about {name}.", err=True)
        return
    rows = [(_moment(c.at), c.who, c.action, _difference(c.before, c.after)) for c in changes]
    print_table(("When", "Who", "What", "Change"), rows)


def _decide(name: str, as_json: bool, change: Callable[[Decisions], Routing]) -> None:
    """Makes the decision and tells what it comes to."""
    with one_message():
        opened = open_models(name)
        routing = change(opened.decisions)
        opened.registry.reload()  # as servers will: a policy makes others load and leave
        entry = opened.entry(name)
    if as_json:
        document = to_document(routing)
        print_json({"model": name, "default": entry.default, "labels": entry.labels(), "routing": document})
        return
    _tell(entry)
    seconds = opened.config.poll_seconds
    click.echo(
        f"Running servers follow within {seconds} s."
        if seconds
        else "Running servers follow when they are told to (SIGHUP), as SERVING_POLL_SECONDS is 0."
    )


def _tell(entry: Entry) -> None:
    """What is decided now, in words."""
    routing = entry.routing
    if entry.default is None:
        click.echo(f"{entry.name}: no version answers")
    elif routing.split:
        shares = ", ".join(f"{_percent(points)} to {target}" for target, points in routing.split.shares)
        click.echo(f"{entry.name}: {shares}; else version {entry.default} answers")
    else:
        kept = "" if routing.promoted else ", the newest as it comes"
        click.echo(f"{entry.name}: version {entry.default} answers{kept}")
    for label, number in entry.labels().items():
        click.echo(f"  label {label}: version {number}")
    if routing.shadow:
        click.echo(f"  shadow: {_percent(routing.shadow.points)} also on {routing.shadow.target}")
    if routing.policy:
        click.echo(f"  policy: {routing.policy}")


def _percent(points: int) -> str:
    return f"{points * 100 / POINTS:g} %"


def _moment(at: datetime) -> str:
    """In the local time of who reads it."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _difference(before: dict[str, Any], after: dict[str, Any]) -> str:
    """The parts that changed, from what to what."""
    parts = [
        f"{key}: {_words(before.get(key))} → {_words(after.get(key))}"
        for key in after
        if before.get(key) != after.get(key)
    ]
    return "; ".join(parts) or "nothing"


def _words(value: Any) -> str:
    """A part of what is decided.  Of a version's or label's history the first is the one in force."""
    if not value:
        return "none"
    match value:
        case list():
            return str(value[0])
        case {"target": target, "points": points}:
            return f"{target} {_percent(points)}"
        case dict():
            return ", ".join(
                f"{key} {value[0] if isinstance(value, list) else _percent(value)}" for key, value in value.items()
            )
    return str(value)
