"""BentoML, adaptive batching on: https://docs.bentoml.com/en/latest/get-started/adaptive-batching.html."""

import os
import sys
from pathlib import Path
from typing import Annotated

import bentoml
import numpy as np
from bentoml.validators import DType, Shape
from session import forward, open_session


@bentoml.service(workers=1, metrics={"enabled": False}, logging={"access": {"enabled": False}})
class Network:
    """Rows of requests that arrive together are one array."""

    def __init__(self) -> None:
        self.session = open_session()

    @bentoml.api(batchable=True, batch_dim=0, max_batch_size=64, max_latency_ms=1000)
    def predict(self, x: Annotated[np.ndarray, DType("float32"), Shape((-1, 784))]) -> np.ndarray:
        """[rows, 784] -> [rows, 10]."""
        return forward(self.session, x)


if __name__ == "__main__":
    os.environ["BENTOML_DO_NOT_TRACK"] = "true"
    os.chdir(Path(__file__).parent)
    serve = [sys.executable, "-m", "bentoml", "serve", "bentoml_app:Network", "--host", "127.0.0.1"]
    os.execv(sys.executable, [*serve, "--port", sys.argv[1]])
