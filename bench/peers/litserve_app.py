"""LitServe, batching on: https://lightning.ai/docs/litserve/features/batching."""

import os
import sys
from typing import Any

import litserve
import numpy as np
from session import forward, open_session


class API(litserve.LitAPI):
    """A request is a row; `batch` stacks rows, `predict` gets the stack."""

    def setup(self, device: str) -> None:
        """Once, in the worker."""
        self.session = open_session()

    def decode_request(self, request: dict[str, Any]) -> Any:
        """A JSON body -> a row."""
        return np.array(request["data"], np.float32)

    def batch(self, inputs: list[Any]) -> Any:
        """Rows -> [rows, 784]."""
        return np.stack(inputs)

    def predict(self, x: Any) -> Any:
        """[rows, 784] -> [rows, 10]."""
        return forward(self.session, x)

    def unbatch(self, output: Any) -> list[Any]:
        """[rows, 10] -> rows."""
        return list(output)

    def encode_response(self, output: Any) -> dict[str, Any]:
        """A row -> a JSON body."""
        return {"scores": output.tolist()}


if __name__ == "__main__":
    wait = float(os.environ.get("BENCH_WAIT_US", "1000")) / 1e6
    server = litserve.LitServer(API(max_batch_size=64, batch_timeout=wait), accelerator="cpu", fast_queue=True)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", generate_client_file=False)
