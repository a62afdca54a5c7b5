"""Both ways in give the same answers, and Flask sees every request when someone has it do more with them."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, request, request_started
from werkzeug.exceptions import Forbidden
from werkzeug.middleware.proxy_fix import ProxyFix

from predict_cases import CASES, ROW, Case, run
from pyapp import create_app, fastpath


@pytest.fixture
def app(store: Path) -> Flask:
    return create_app({"SERVING_MODELS": store, "SERVING_MAX_BODY_BYTES": 1000})


@pytest.fixture
def through_flask(monkeypatch: pytest.MonkeyPatch, app: Flask) -> list[str]:
    """What went through Flask, by path; the first request has been made."""
    seen: list[str] = []
    bare = app.wsgi_app.flask

    def recorded(environ: dict[str, Any], start_response: Any) -> Any:
        seen.append(environ["PATH_INFO"])
        return bare(environ, start_response)

    monkeypatch.setattr(app.wsgi_app, "flask", recorded)
    run(app.wsgi_app, Case("/healthz", method="GET").open())
    seen.clear()
    return seen


def test_a_default_model_is_on_it(store: Path, write_network: Callable[..., Path]) -> None:
    write_network(store / "birds" / "1")
    for settings, model in (({}, None), ({"SERVING_DEFAULT_MODEL": "pets"}, "pets")):
        app = create_app({"SERVING_MODELS": store, **settings})
        parts = app.extensions["serving"]
        route = fastpath._routes_of(parts.registry.snapshot, parts.observer).get("/classify")
        assert (route.model.name if route else None) == model


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.method} {case.url} {case.content_type}"[:70])
def test_both_ways_give_the_same(case: Case, app: Flask, through_flask: list[str]) -> None:
    bare = run(Flask.wsgi_app.__get__(app), case.open())
    assert not through_flask
    assert run(app.wsgi_app, case.open()) == bare
    assert bool(through_flask) != case.fast
    assert not bare[0].startswith("5")


def test_there_are_cases_of_all_kinds() -> None:
    assert sum(case.fast for case in CASES) >= 40
    assert sum(not case.fast for case in CASES) >= 40


def test_a_picture(app: Flask, through_flask: list[str], encode: Callable[..., bytes]) -> None:
    case = Case("/classify", encode("RGB", (2, 2)), "image/png")
    assert run(app.wsgi_app, case.open()) == run(Flask.wsgi_app.__get__(app), case.open())
    assert not through_flask


@pytest.mark.parametrize("error", [OSError("connection reset"), ValueError("invalid chunk")])
def test_a_body_that_cannot_be_read(error: Exception, app: Flask, through_flask: list[str]) -> None:
    class Broken:
        def read(self, size: int = -1) -> bytes:
            raise error

    case = Case("/classify", environ={"wsgi.input": Broken})
    fast, bare = run(app.wsgi_app, case.open()), run(Flask.wsgi_app.__get__(app), case.open())
    assert fast == bare
    assert fast[0] == "400 BAD REQUEST"
    assert through_flask == ["/classify"]


def test_a_fault_of_ours_is_logged_and_answered_by_flask(
    app: Flask, through_flask: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr(app.wsgi_app, "_handle", fail)
    monkeypatch.setattr("pyapp.api.predict.answer", fail)
    monkeypatch.setattr("pyapp.api.classify.answer", fail)
    status, _, body = run(app.wsgi_app, Case("/classify").open())
    assert status == "500 INTERNAL SERVER ERROR"
    assert b"fire" not in body
    assert "the disk is on fire" in caplog.text


def test_a_reload_changes_what_answers(
    app: Flask, through_flask: list[str], store: Path, write_network: Callable[..., Path]
) -> None:
    write_network(store / "pets" / "3", 3)
    assert dict(run(app.wsgi_app, Case("/classify").open())[1])["X-Model-Version"] == "2"
    app.extensions["serving"].registry.reload()
    assert dict(run(app.wsgi_app, Case("/classify").open())[1])["X-Model-Version"] == "3"
    assert not through_flask
    write_network(store / "birds" / "1")
    app.extensions["serving"].registry.reload()
    assert run(app.wsgi_app, Case("/classify?model=birds").open())[0] == "200 OK"
    assert not through_flask
    assert run(app.wsgi_app, Case("/classify").open())[0] == "400 BAD REQUEST"
    assert through_flask == ["/classify"]


def test_a_version_that_failed_is_flasks_to_answer(app: Flask, through_flask: list[str], store: Path) -> None:
    (store / "pets" / "3").mkdir()
    app.extensions["serving"].registry.reload()
    assert run(app.wsgi_app, Case("/classify").open())[0] == "200 OK"
    assert not through_flask
    for url in ("/classify?version=3", "/v1/models/pets/versions/3:predict", "/v2/models/pets/versions/3/infer"):
        assert run(app.wsgi_app, Case(url, {}).open())[0] == "503 SERVICE UNAVAILABLE"


def before_request(app: Flask) -> None:
    app.before_request(lambda: None)


def of_one_blueprint(app: Flask) -> None:
    app.after_request_funcs.setdefault("classify", []).append(lambda response: response)


def teardown(app: Flask) -> None:
    app.teardown_request(lambda error: None)


def teardown_of_context(app: Flask) -> None:
    app.teardown_appcontext(lambda error: None)


def another_view(app: Flask) -> None:
    view = app.view_functions["classify.classify"]
    app.view_functions["classify.classify"] = lambda: view()


def another_response(app: Flask) -> None:
    app.response_class = type("Ours", (Response,), {})


def trusted_hosts(app: Flask) -> None:
    app.config["TRUSTED_HOSTS"] = ["localhost"]


def smaller_bodies(app: Flask) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 5


@pytest.mark.parametrize(
    "change",
    [
        before_request,
        of_one_blueprint,
        teardown,
        teardown_of_context,
        another_view,
        another_response,
        trusted_hosts,
        smaller_bodies,
    ],
)
def test_flask_sees_all_when_someone_has_it_do_more(
    change: Callable[[Flask], None], store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app({"SERVING_MODELS": store})
    change(app)
    handled = []
    monkeypatch.setattr(app.wsgi_app, "_handle", lambda *a, **k: handled.append(a))
    for _ in range(3):
        run(app.wsgi_app, Case("/classify").open())
    assert not handled


def test_a_listener_to_a_signal_hears_of_all(store: Path) -> None:
    app = create_app({"SERVING_MODELS": store})
    heard = []

    def listener(sender: Flask, **_: Any) -> None:
        heard.append(request.path)

    with request_started.connected_to(listener, app):
        for _ in range(3):
            run(app.wsgi_app, Case("/classify").open())
    assert heard == ["/classify"] * 3


def test_a_lock_on_the_door_locks_both_ways_in(store: Path) -> None:
    app = create_app({"SERVING_MODELS": store})

    @app.before_request
    def no_entry() -> None:
        raise Forbidden("members only")

    for _ in range(3):
        assert app.test_client().post("/classify", json=ROW).status_code == 403


def test_after_the_first_request_flask_refuses_what_the_fast_path_would_not_see(
    app: Flask, through_flask: list[str]
) -> None:
    with pytest.raises(AssertionError, match="already handled its first request"):
        before_request(app)


def test_routes_and_middleware_of_others_leave_the_fast_path_alone(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app({"SERVING_MODELS": store})
    app.add_url_rule("/mine", view_func=lambda: "mine")
    ours = app.wsgi_app
    app.wsgi_app = ProxyFix(app.wsgi_app)
    client = app.test_client()
    assert client.get("/mine").text == "mine"

    def unexpected(environ: dict[str, Any], start_response: Any) -> Any:
        raise AssertionError(environ["PATH_INFO"])

    monkeypatch.setattr(ours, "flask", unexpected)
    assert client.post("/classify", json=ROW).json["model"] == "pets"


def test_mounted_below_a_prefix(app: Flask, through_flask: list[str]) -> None:
    environ = Case("/classify").open() | {"SCRIPT_NAME": "/ml"}
    assert run(app.wsgi_app, environ)[0] == "200 OK"
    assert not through_flask


def test_the_server_may_leave_out_what_is_empty(app: Flask, through_flask: list[str]) -> None:
    environ = Case("/classify", content_type="").open()
    del environ["QUERY_STRING"]
    assert run(app.wsgi_app, environ)[0] == "200 OK"
    del environ["CONTENT_LENGTH"]
    environ["wsgi.input"] = BytesIO()
    assert run(app.wsgi_app, environ)[0] == "400 BAD REQUEST"


def test_the_module_names_the_views_there_are(app: Flask) -> None:
    assert set(fastpath._VIEWS) <= set(app.view_functions)
    assert set(fastpath._SCOPES) - {None} <= set(app.blueprints)
