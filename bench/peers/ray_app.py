"""Ray Serve, `serve.batch`: https://docs.ray.io/en/latest/serve/advanced-guides/dyn-req-batch.html."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import ray
from ray import serve
from starlette.requests import Request

WAIT = float(os.environ.get("BENCH_WAIT_US", "1000")) / 1e6


@serve.deployment(max_ongoing_requests=512)
class Network:
    """One replica; rows of requests that arrive together are stacked."""

    def __init__(self) -> None:
        from session import open_session

        self.session = open_session()

    @serve.batch(max_batch_size=64, batch_wait_timeout_s=WAIT)
    async def forward(self, rows: list[Any]) -> list[Any]:
        """Rows of several requests -> their outputs."""
        from session import forward

        return list(forward(self.session, np.stack(rows)))

    async def __call__(self, request: Request) -> dict[str, Any]:
        """One request."""
        row = np.array((await request.json())["data"], np.float32)
        return {"scores": (await self.forward(row)).tolist()}


if __name__ == "__main__":
    here = str(Path(__file__).parent)
    variables = {name: os.environ[name] for name in ("BENCH_MODEL", "BENCH_MARK") if name in os.environ}
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        logging_level="error",
        runtime_env={"env_vars": variables | {"PYTHONPATH": here}},
    )
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run(Network.bind(), route_prefix="/predict")  # type: ignore[attr-defined]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    signal.pause()
