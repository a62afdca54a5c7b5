"""KServe's Python SDK, unmodified.  It is large: requirements/clients.txt says how to have it; else this is skipped."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from model_packages import dense_network, reference
from running_server import Server

kserve = pytest.importorskip("kserve")

pytestmark = pytest.mark.filterwarnings("ignore")


def asked(server: Server, protocol: str, ask: Callable[[Any, str], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with kserve.InferenceRESTClient(kserve.RESTConfig(protocol=protocol)) as client:
            return await ask(client, f"http://127.0.0.1:{server.port}")

    return asyncio.run(run())


def test_health(server: Server) -> None:
    async def ask(client: Any, url: str) -> list[bool]:
        return [
            await client.is_server_live(url),
            await client.is_server_ready(url),
            await client.is_model_ready(url, "scores"),
        ]

    assert asked(server, "v2", ask) == [True, True, True]


def test_readiness_by_v1(server: Server) -> None:
    async def ask(client: Any, url: str) -> bool:
        return await client.is_model_ready(url, "scores")

    assert asked(server, "v1", ask) is True


@pytest.mark.parametrize("binary", [True, False])
def test_infer(binary: bool, server: Server, rows: np.ndarray) -> None:
    tensor = kserve.InferInput("x", list(rows.shape), "FP32")
    tensor.set_data_from_numpy(rows, binary_data=binary)
    parameters = {"binary_data_output": binary}
    request = kserve.InferRequest("scores", [tensor], request_id="42", parameters=parameters)

    async def ask(client: Any, url: str) -> Any:
        return await client.infer(url, request, model_name="scores")

    reply = asked(server, "v2", ask)
    expected = reference(*dense_network((4, 8, 3), seed=2), rows)
    assert reply.outputs[0].as_numpy() == pytest.approx(expected, abs=1e-6)
    assert (reply.id, reply.model_name) == ("42", "scores")


def test_texts(server: Server) -> None:
    tensor = kserve.InferInput("message", [2], "BYTES", data=["good", "bad bad"])

    async def ask(client: Any, url: str) -> Any:
        return await client.infer(url, kserve.InferRequest("words", [tensor]), model_name="words")

    assert asked(server, "v2", ask).outputs[0].as_numpy().tolist() == [[1, 0], [0, 2]]


def test_predict_by_v1(server: Server, rows: np.ndarray) -> None:
    async def ask(client: Any, url: str) -> Any:
        return await client.infer(url, {"instances": rows.tolist()}, model_name="scores")

    reply = asked(server, "v1", ask)
    assert np.array(reply["predictions"]) == pytest.approx(reference(*dense_network((4, 8, 3), seed=2), rows), abs=1e-6)
