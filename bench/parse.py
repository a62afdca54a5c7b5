"""A JSON body of 784 numbers to float32: ours against orjson, pysimdjson and the standard library, one thread.

    python bench/parse.py              needs orjson and pysimdjson (bench/requirements.txt)

Ours is the time that the engine itself reports for parsing (`parse` in its Server-Timing header: all of
parse_body, from raw bytes to checked float32 rows), as no part of it can be called from Python alone.  The others turn
the same bytes into a float32 array in the quickest way their documentation offers.  Values are compared before
anything is timed.
"""

import json
import re
import tempfile
from pathlib import Path
from statistics import median

from machine import compare, headline, with_the_cpus_own_kernel

with_the_cpus_own_kernel()

import numpy as np  # noqa: E402
import orjson  # noqa: E402
import simdjson  # noqa: E402
from networks import network, write_network  # noqa: E402

from pyapp import engine  # noqa: E402

FEATURES = 784


def texts() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    uniform = rng.uniform(0, 1, FEATURES)
    return {
        "4 decimals": json.dumps([round(float(v), 4) for v in uniform]).encode(),
        "17 digits": json.dumps(uniform.tolist()).encode(),
        "0 to 255": json.dumps(rng.integers(0, 256, FEATURES).tolist()).encode(),
    }


def parse_us(eng: engine.Engine, model: engine.Model, body: bytes, calls: int = 400) -> float:
    """Median of what the engine reports, in µs (its clock is read twice per call, which is part of it)."""
    found = []
    for _ in range(calls):
        status, headers, _ = eng.handle(model, "classify", body, "application/json")
        assert status == 200
        match = re.search(r"parse;dur=([0-9.]+)", dict(headers)["Server-Timing"])
        assert match
        found.append(float(match[1]) * 1e3)
    return median(found)


def main() -> None:
    print(headline(engine.blas))
    with tempfile.TemporaryDirectory() as folder:
        model = engine.Model.load(write_network(Path(folder) / "1", network((FEATURES, 1))))
    eng, parser = engine.Engine(), simdjson.Parser()

    def by_simdjson(body: bytes) -> np.ndarray:
        array = parser.parse(body)
        return np.frombuffer(array.as_buffer(of_type="d"), np.float64).astype(np.float32)

    print("µs             bytes    ours  orjson  simdjson    json   orjson/ours  simdjson/ours   GB/s")
    for name, body in texts().items():
        expected = np.array(json.loads(body), np.float32)
        reply = json.loads(eng.handle(model, "classify", body, "application/json")[2])
        assert np.float32(reply["value"]) == model.predict(expected)[0, 0]
        assert np.array_equal(np.array(orjson.loads(body), np.float32), expected)
        ours = min(parse_us(eng, model, body) for _ in range(5))
        simd_works = name != "0 to 255"
        if simd_works:
            assert np.array_equal(by_simdjson(body), expected)

            def simd(body: bytes = body) -> np.ndarray:
                return by_simdjson(body)

        else:  # as_buffer of integers has a type of its own

            def simd(body: bytes = body) -> np.ndarray:
                array = parser.parse(body)
                return np.frombuffer(array.as_buffer(of_type="i"), np.int64).astype(np.float32)

            assert np.array_equal(simd(), expected)
        others = compare(
            [
                lambda body=body: np.array(orjson.loads(body), np.float32),
                simd,
                lambda body=body: np.array(json.loads(body), np.float32),
            ]
        )
        print(
            f"{name:12s}{len(body):8d}{ours:8.2f}{others[0]:8.1f}{others[1]:10.1f}{others[2]:8.1f}"
            f"{others[0] / ours:14.1f}{others[1] / ours:15.1f}{len(body) / ours / 1e3:7.2f}"
        )


if __name__ == "__main__":
    main()
