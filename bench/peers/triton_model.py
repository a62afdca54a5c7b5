"""The model that Triton's Python backend runs: one call of ONNX Runtime for all requests of a batch."""

import os
import sys
from typing import Any

sys.path.insert(0, os.environ["BENCH_SITE"])

import numpy as np
import triton_python_backend_utils as backend
from session import forward, open_session


class TritonPythonModel:
    """The name and the methods are the backend's."""

    def initialize(self, args: dict[str, str]) -> None:
        """Once, when the model is loaded."""
        self.session = open_session()

    def execute(self, requests: list[Any]) -> list[Any]:
        """The requests of one batch -> their replies."""
        inputs = [backend.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        y = forward(self.session, np.concatenate(inputs))
        replies, first = [], 0
        for x in inputs:
            rows = np.ascontiguousarray(y[first : first + len(x)])
            replies.append(backend.InferenceResponse([backend.Tensor("y", rows)]))
            first += len(x)
        return replies
