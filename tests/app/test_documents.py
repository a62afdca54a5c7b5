"""What README.md and docs/protocols.md tell readers to paste, pasted."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from running_server import running

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(not (shutil.which("curl") and shutil.which("sh")), reason="no curl here")


def test_the_curls_answer_with_the_models_that_ship(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVING_MODELS", str(ROOT / "models"))
    blocks = [
        block
        for name in ("README.md", "docs/protocols.md")
        for block in re.findall(r"```sh\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)
        if "curl" in block and "?model=" not in block
    ]
    assert len(blocks) == 3
    with running(tmp_path / "log") as server:
        answers = []
        for block in blocks:
            script = block.replace("127.0.0.1:5000", f"127.0.0.1:{server.port}").replace("curl ", "curl -sS -w '\\n' ")
            done = subprocess.run(
                ["sh", "-ec", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
            )
            answers += [json.loads(line) for line in done.stdout.splitlines()]
    picture, form, best, first, second = answers
    assert (picture["label"], len(picture["scores"])) == ("7", 10)
    assert form["label"] == best["label"] == "1" and len(best["top"]) == 3
    assert len(first["predictions"][0]) == len(second["outputs"][0]["data"]) == 10


def test_the_app_of_ones_own_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (code,) = re.findall(r"```python\n(from flask.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    space: dict[str, object] = {"__name__": __name__}
    exec(compile(code, "README.md", "exec"), space)
    client = space["app"].test_client()  # type: ignore[attr-defined]
    assert client.post("/ml/classify", json=[0] * 784).json["model"] == "mnist"
