"""Every number in a JSON body becomes what numpy.float32(json.loads(text)) is, bit for bit."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_packages import identity_network, write_package
from pyapp import engine

ENGINE = engine.Engine()

digits = st.text("0123456789", min_size=1, max_size=25)
whole = digits.map(lambda text: text.lstrip("0") or "0")
exponents = st.builds(
    lambda e, sign, n: f"{e}{sign}{n}", st.sampled_from("eE"), st.sampled_from(["", "+", "-"]), st.integers(0, 60)
)
written = st.builds(
    lambda sign, integer, fraction, exponent: sign + integer + fraction + exponent,
    st.sampled_from(["", "-"]),
    whole,
    st.just("") | digits.map(lambda text: "." + text),
    st.just("") | exponents,
)
# Next to the middle between two floats, where one rounding more or less shows.
ties = st.builds(
    lambda bits, nudge: repr(
        float(np.nextafter(np.float64(struct.unpack("f", struct.pack("I", bits))[0]) * (1 + 2.0**-24), nudge))
    ),
    st.integers(0x00800000, 0x7F000000),
    st.sampled_from([-np.inf, 0, np.inf]),
)
texts = written | ties | st.floats(allow_nan=False, allow_infinity=False).map(repr)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[engine.Model]:
    folder = tmp_path_factory.mktemp("numbers")
    tensor = [{"name": "x", "kind": "tensor", "shape": [1]}]
    table = [{"name": "x", "kind": "table", "columns": [{"name": "x", "type": "number"}]}]
    return [
        engine.Model.load(write_package(folder / str(i) / "1", *identity_network(inputs, 1)))
        for i, inputs in enumerate((tensor, table))
    ]


@settings(max_examples=500, deadline=None)
@given(numbers=st.lists(texts, min_size=1, max_size=30))
def test_bits(models: list[engine.Model], numbers: list[str]) -> None:
    with np.errstate(over="ignore"):
        wanted = np.array([np.float32(json.loads(text)) for text in numbers])
    finite = [i for i, number in enumerate(wanted) if np.isfinite(number)]
    numbers, wanted = [numbers[i] for i in finite], wanted[finite]
    if not numbers:
        return
    body = "[" + ",".join(f"[{text}]" for text in numbers) + "]"
    for model in models:
        status, _, reply = ENGINE.handle(model, "classify", body.encode(), "application/json")
        rows = json.loads(reply).get("results") or [json.loads(reply)]
        assert status == 200
        assert np.array_equal(np.float32([row["value"] for row in rows]), wanted)
    body = wanted.astype("<f4").tobytes()
    raw = ENGINE.handle(models[0], "classify", body, "application/octet-stream")
    one_more = ENGINE.handle(models[0], "classify", body + b"\0", "application/octet-stream")
    assert raw[0] == 200 and one_more[0] == 422
    rows = json.loads(raw[2]).get("results") or [json.loads(raw[2])]
    assert np.array_equal(np.float32([row["value"] for row in rows]), wanted)


def test_a_whole_minus_zero_is_zero(tmp_path: Path) -> None:
    """json.loads("-0") is the integer 0; "-0.0" keeps its sign, which 1/x would show."""
    manifest, tensors = identity_network([{"name": "x", "kind": "tensor", "shape": [1]}], 1)
    model = engine.Model.load(write_package(tmp_path / "1", manifest, tensors))
    for text in ("-0", "0", "[-0]"):
        _, _, reply = ENGINE.handle(model, "classify", text.encode(), "application/json")
        assert str(json.loads(reply)["value"]) == "0.0"
