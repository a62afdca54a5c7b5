import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyapp.config import Config, ConfigError


def test_defaults(tmp_path: Path) -> None:
    config = Config.read({"SERVING_MODELS": str(tmp_path)})
    assert (config.port, config.host, config.workers) == (5000, "127.0.0.1", 1)
    assert config.max_body_bytes == 16 * 1024 * 1024


def test_every_number_is_read_and_bounded(tmp_path: Path) -> None:
    base = {"SERVING_MODELS": str(tmp_path)}
    numbers = [(variable, value) for variable, value, _ in Config.read(base).rows() if isinstance(value, int)]
    assert len(numbers) >= 10
    for variable, default in numbers:
        row = next(row for row in Config.__dataclass_fields__.values() if row.metadata["variable"] == variable)
        low, high = row.metadata["low"], row.metadata["high"]
        assert low <= default <= high
        for allowed in (low, high):
            assert getattr(Config.read({**base, variable: str(allowed)}), row.name) == allowed
        for wrong in (str(low - 1), str(high + 1), "many", "1.5", "0x10", "１", "9" * 5000):
            with pytest.raises(ConfigError) as caught:
                Config.read({**base, variable: wrong})
            message = caught.value.format_message()
            assert variable in message
            assert repr(wrong) in message
            assert f"from {low} to {high}" in message


def test_empty_is_unset(tmp_path: Path) -> None:
    assert Config.read({"SERVING_MODELS": str(tmp_path), "PORT": " "}).port == 5000


def test_the_store_must_be_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"SERVING_MODELS is '.*/file', which is no folder"):
        Config.read({"SERVING_MODELS": str(tmp_path / "file")})
    with pytest.raises(ConfigError, match="which does not exist"):
        Config.read({"SERVING_MODELS": str(tmp_path / "absent")})


def test_without_a_store_it_is_the_folder_here_or_what_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = Config.read({})
    assert isinstance(shipped.models, Path) and (shipped.models / "mnist" / "1").is_dir()
    assert shipped.is_shipped
    assert not Config.read({"SERVING_MODELS": str(shipped.models)}).is_shipped  # whoever names it may write there
    (tmp_path / "models").mkdir()
    own = Config.read({})
    assert (own.models, own.is_shipped) == (tmp_path / "models", False)
    monkeypatch.chdir(shipped.models.parent)  # a source tree
    assert not Config.read({}).is_shipped


def test_only_what_somebody_set_is_hidden(tmp_path: Path) -> None:
    def shown(**more: str) -> dict[str, object]:
        rows = Config.read({"SERVING_MODELS": str(tmp_path), **more}).rows()
        return {variable: value for variable, value, _ in rows}

    assert shown()["SERVING_RATE_STORAGE"] == "memory://"
    assert shown(SERVING_RATE_STORAGE="redis://:secret@x")["SERVING_RATE_STORAGE"] == "(set, not shown)"
    meanings = {variable: meaning for variable, _, meaning in Config.read({"SERVING_MODELS": str(tmp_path)}).rows()}
    assert "0: 25 s" in meanings["SERVING_TIMEOUT_MS"]
    assert "default: ./models" in meanings["SERVING_MODELS"]


def test_a_slip_in_a_name_is_told() -> None:
    with pytest.raises(ConfigError, match="did you mean SERVING_MAX_BATCH_ROWS"):
        Config.read({"SERVING_MAX_BACH_ROWS": "8"})


def test_variables_of_others_are_let_be(tmp_path: Path) -> None:
    # Kubernetes sets such ones for a service that is called "serving".
    Config.read(
        {"SERVING_MODELS": str(tmp_path), "SERVING_PORT": "tcp://10.0.0.1:80", "SERVING_SERVICE_HOST": "10.0.0.1"}
    )


def test_it_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Config(models=Path()).port = 1  # type: ignore[misc]


@pytest.mark.parametrize("command", [["-m", "pyapp"], ["-m", "flask", "--app", "pyapp", "run"]])
def test_a_wrong_setting_stops_the_start_without_a_trace(command: list[str], tmp_path: Path) -> None:
    environ = {**os.environ, "SERVING_MODELS": str(tmp_path), "SERVING_MAX_BODY_BYTES": "lots"}
    done = subprocess.run(
        [sys.executable, *command], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "SERVING_MAX_BODY_BYTES is 'lots'; it must be a whole number from 1 to" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("cores", "workers", "slots", "each"), [(8, 1, 0, 0), (8, 3, 0, 2), (2, 8, 0, 1), (8, 2, 6, 6)]
)
def test_workers_share_the_cores(
    cores: int, workers: int, slots: int, each: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyapp.config.usable_cores", lambda: cores)
    config = Config.read(
        {"SERVING_MODELS": str(tmp_path), "SERVING_WORKERS": str(workers), "SERVING_SLOTS": str(slots)}
    )
    assert config.share_of_slots == each
