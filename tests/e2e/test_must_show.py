"""Through the HTTP API of a real server: the accuracy that the README states, and many clients at once."""

import gzip
import http.client
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from running_server import JSON, Server, running

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data" / "data" / "mnist"
SMALL = ROOT / "tests" / "data" / "digits"
SECONDS = float(os.environ.get("LOAD_SECONDS", "5"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server") / "log") as started:
        yield started


def labels_of(server: Server, version: int, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    labels: list[int] = []
    with server.connect() as connection:
        for start in range(0, len(images), 500):
            body = json.dumps(images[start : start + 500].tolist())
            connection.request("POST", f"/classify?model=mnist&version={version}", body, JSON)
            reply = connection.getresponse()
            assert reply.status == 200
            labels += [int(result["label"]) for result in json.loads(reply.read())["results"]]
    return np.array(labels)


@pytest.mark.skipif(not SHARED.exists(), reason="the MNIST test images are not here")
@pytest.mark.parametrize(("version", "least"), [(1, 0.975), (2, 0.98)])
def test_accuracy_on_test_images(server: Server, version: int, least: float) -> None:
    images = np.frombuffer(gzip.decompress((SHARED / "images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)
    truth = np.frombuffer(gzip.decompress((SHARED / "labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
    got = labels_of(server, version, images.reshape(-1, 784))
    accuracy = float((got == truth).mean())
    print(f"mnist version {version}: {accuracy:.4%} of {len(truth)} test images")
    assert accuracy >= least


@pytest.mark.parametrize("version", [1, 2])
def test_the_digits_that_ship_with_the_tests(server: Server, version: int) -> None:
    images, truth = np.load(SMALL / "images.npy"), np.load(SMALL / "labels.npy")
    assert (labels_of(server, version, images) == truth).mean() >= 0.98


def test_64_clients_at_once_get_the_answers_they_would_get_alone(server: Server) -> None:
    images = np.load(SMALL / "images.npy")
    bodies = [json.dumps(image.tolist()) for image in images]

    def ask(connection: http.client.HTTPConnection, i: int) -> bytes:
        connection.request("POST", "/classify?model=mnist", bodies[i], JSON)
        reply = connection.getresponse()
        text = reply.read()
        assert reply.status == 200, text
        return text

    with server.connect() as connection:
        alone = [ask(connection, i) for i in range(len(bodies))]
    end, answered, faults = time.monotonic() + SECONDS, [0] * 64, []

    def client(k: int) -> None:
        try:
            with server.connect() as mine:
                while time.monotonic() < end:
                    i = (k * 31 + answered[k]) % len(bodies)
                    assert ask(mine, i) == alone[i]
                    answered[k] += 1
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=client, args=(k,)) for k in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{sum(answered)} answers in {SECONDS} s")
    assert not faults
    assert min(answered) > 0
