"""MLServer, adaptive batching on, in process: https://mlserver.readthedocs.io/en/latest/user-guide/adaptive-batching.html."""

import asyncio
import os
import sys
from typing import Any

from mlserver import MLModel, MLServer
from mlserver.codecs import NumpyCodec
from mlserver.settings import ModelSettings, Settings
from mlserver.types import InferenceRequest, InferenceResponse
from session import forward, open_session


class Network(MLModel):
    """MLServer merges requests that arrive together before `predict` sees them."""

    async def load(self) -> bool:
        """Once, at the start."""
        self.session = open_session()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Of one request, or of several that were merged."""
        y: Any = forward(self.session, NumpyCodec.decode_input(payload.inputs[0]))
        output = NumpyCodec.encode_output(name="y", payload=y)
        return InferenceResponse(id=payload.id, model_name=self.name, outputs=[output])


async def main(port: int) -> None:
    settings = Settings(
        host="127.0.0.1",
        http_port=port,
        grpc_port=port + 1,
        metrics_port=port + 2,
        metrics_endpoint=None,
        parallel_workers=0,
        debug=False,
        gzip_enabled=False,
    )
    wait = float(os.environ.get("BENCH_WAIT_US", "1000")) / 1e6
    model = ModelSettings(name="network", implementation=Network, max_batch_size=64, max_batch_time=wait)
    await MLServer(settings).start([model])


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
