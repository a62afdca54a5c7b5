"""Flask and ONNX Runtime under gunicorn, one request computed at a time: what many would write."""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from flask import Flask, request
from session import forward, open_session

app = Flask(__name__)
session = open_session()


@app.post("/predict")
def predict() -> dict[str, Any]:
    x = np.array(request.get_json()["data"], np.float32)
    return {"scores": forward(session, x[None])[0].tolist()}


if __name__ == "__main__":
    gunicorn = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{sys.argv[1]}", "--worker-class", "gthread"]
    gunicorn += ["--workers", "1", "--threads", "8", "--log-level", "warning", "flask_app:app"]
    os.chdir(Path(__file__).parent)
    os.execv(sys.executable, gunicorn)
