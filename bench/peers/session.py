"""What every peer computes with: ONNX Runtime on one thread.  The model's file is named by BENCH_MODEL."""

import os
from typing import Any

import numpy as np
import onnxruntime


def open_session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(os.environ["BENCH_MODEL"], options, providers=["CPUExecutionProvider"])


def forward(session: onnxruntime.InferenceSession, x: Any) -> Any:
    """float32 [rows, inputs] -> float32 [rows, outputs]."""
    return session.run(None, {"x": np.ascontiguousarray(x, np.float32)})[0]
