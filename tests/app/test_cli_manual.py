"""The commands of docs/versions.md, in their order, on the models that ship."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from pyapp import create_app
from pyapp.packages.store import versions

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_commands_of_the_manual_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = shutil.copytree(REPOSITORY / "models", tmp_path / "store")
    digits = REPOSITORY / "tests" / "data" / "digits"
    rows = np.column_stack([np.load(digits / "images.npy").reshape(-1, 784), np.load(digits / "labels.npy")])
    header = ",".join([*(f"pixel{i}" for i in range(784)), "digit"])
    np.savetxt(tmp_path / "digits.csv", rows, fmt="%d", delimiter=",", header=header, comments="")
    monkeypatch.chdir(tmp_path)

    runner = create_app({"SERVING_MODELS": store}).test_cli_runner()
    blocks = re.findall(r"```sh\n(.*?)```", (REPOSITORY / "docs" / "versions.md").read_text(), re.DOTALL)
    commands = [line.partition("#")[0].split() for block in blocks for line in block.splitlines()]
    assert len(commands) > 15
    for command in commands:
        assert command[0] == "flask"
        result = runner.invoke(args=command[1:])
        assert result.exit_code == 0, (command, result.output)
        if "--data" in command:
            assert "They agree on 98.00%" in result.output and "99.00%" in result.output
    assert versions(store, "mnist") == [2]
