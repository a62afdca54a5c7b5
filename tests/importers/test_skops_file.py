"""Any bytes under a .skops name end in a model or in ImportRefusedError, without great allocations."""

from __future__ import annotations

import io
import json
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn_models import numbers, saved

from pyapp.importers import ImportOptions, ImportRefusedError
from pyapp.importers.sklearn import read
from pyapp.importers.sklearn.skops_file import read_skops
from pyapp.importers.sklearn.tree import Name, Opaque, RefusedError, Sparse, Thing


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def node(loader: str, name: str = "builtins.object", **more: Any) -> dict[str, Any]:
    module, _, kind = name.rpartition(".")
    return {"__class__": kind, "__module__": module, "__loader__": loader, **more}


def json_node(value: Any) -> dict[str, Any]:
    return node("JsonNode", "builtins.str", content=json.dumps(value), is_json=True)


def write(path: Path, root: Any, members: dict[str, bytes] | None = None, **more: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", more.pop("compression", zipfile.ZIP_STORED)) as archive:
        schema = root if isinstance(root, str) else json.dumps({**root, "protocol": 2, **more})
        archive.writestr("schema.json", schema)
        for name, content in (members or {}).items():
            archive.writestr(name, content)
    return path


def array_node(file: str = "1.npy") -> dict[str, Any]:
    return node("NdArrayNode", "numpy.ndarray", type="numpy", file=file)


def test_each_kind_of_node(tmp_path: Path) -> None:
    matrix = sparse.csr_matrix(np.array([[0.0, 2.0], [3.0, 0.0]]))
    packed = io.BytesIO()
    sparse.save_npz(packed, matrix)
    content = {
        "number": json_node(1.5),
        "items": node("ListNode", "builtins.list", content=[json_node(1), json_node(None)]),
        "pair": node("TupleNode", "builtins.tuple", content=[json_node("a"), json_node(True)]),
        "part": node("SliceNode", "builtins.slice", content={"start": 1, "stop": None, "step": 2}),
        "function": node("FunctionNode", "numpy.log1p"),
        "old_function": node("FunctionNode", "x.y", content={"module_path": "numpy", "function": "exp"}),
        "kind": node("TypeNode", "numpy.float64"),
        "array": array_node(),
        "scalar": node("NdArrayNode", "numpy.int64", type="numpy", file="2.npy"),
        "objects": node(
            "NdArrayNode",
            "numpy.ndarray",
            type="json",
            content=[node("ListNode", content=[json_node("a"), json_node(None)])],
            shape=node("TupleNode", content=[json_node(1), json_node(2)]),
        ),
        "sparse": node("SparseMatrixNode", "scipy.sparse.csr_matrix", type="scipy", file="3.npz"),
        "table": node(
            "DictNode", "builtins.dict", content={"7": json_node("seven")},
            key_types=node("ListNode", content=[node("TypeNode", "builtins.int")]),
        ),
        "inner": node("ObjectNode", "sklearn.x.Inner", content=node("DictNode", content={"a": json_node(1)})),
        "random": node("RandomStateNode", "numpy.random.RandomState", content={}),
        "dtype": node("DTypeNode", "numpy.dtype", content=array_node()),
    }  # fmt: skip
    members = {"1.npy": npy(np.arange(3.0)), "2.npy": npy(np.int64(5)), "3.npz": packed.getvalue()}
    root = node("ObjectNode", "sklearn.x.Outer", content=node("DictNode", content=content))
    thing = read_skops(write(tmp_path / "m.skops", root, members))
    assert isinstance(thing, Thing) and (thing.name, thing.path) == ("Outer", "sklearn.x.Outer")
    assert thing.get("number") == 1.5 and thing.get("items") == [1, None] and thing.get("pair") == ("a", True)
    assert thing.get("part") == slice(1, None, 2)
    assert thing.get("function") == Name("numpy.log1p") and thing.get("old_function") == Name("numpy.exp")
    assert thing.get("kind").short == "float64"
    assert thing.get("array").tolist() == [0, 1, 2] and thing.get("scalar") == 5
    assert thing.get("objects").tolist() == [["a", None]]
    found = thing.get("sparse")
    assert isinstance(found, Sparse) and found.dense().tolist() == matrix.toarray().tolist()
    assert thing.get("table") == {7: "seven"}
    assert thing.thing("inner").get("a") == 1
    assert isinstance(thing.get("random"), Opaque)
    assert thing.get("dtype") == np.float64
    with pytest.raises(RefusedError, match="no nothing"):
        thing.need("nothing")


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "dia"])
def test_sparse_matrices(form: str, tmp_path: Path) -> None:
    dense = np.diag([1.0, 2.0, 3.0])[:, :2] + np.array([[0, 5.0], [0, 0], [7.0, 0]])
    packed = io.BytesIO()
    sparse.save_npz(packed, sparse.csr_matrix(dense).asformat(form))
    root = node("SparseMatrixNode", type="scipy", file="1.npz")
    found = read_skops(write(tmp_path / "m.skops", root, {"1.npz": packed.getvalue()}))
    assert found.dense().tolist() == dense.tolist()


def broken_header(shape: str) -> bytes:
    head = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + bytes(16)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_bytes(b""), "no intact .skops file"),
        (lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n"), "no intact .skops file"),
        (lambda path: write(path, "{"), "not JSON"),
        (lambda path: write(path, "[]"), "no object"),
        (lambda path: write(path, "[" * 100_000), "not JSON|nested too deeply"),
        (lambda path: write(path, json_node(1), protocol=99), "protocol is 99"),
        (lambda path: write(path, json_node(1), protocol=True), "protocol is True"),
        (lambda path: write(path, {"a": 1}), "a node is expected"),
        (lambda path: write(path, json_node(1)), "expected a fitted estimator"),
        (lambda path: write(path, array_node()), "1.npy is missing"),
        (lambda path: write(path, array_node(), {"1.npy": b"nothing"}), "no .npy file"),
        (lambda path: write(path, array_node(), {"1.npy": broken_header("(1000000000000,)")}), "does not fit"),
        (lambda path: write(path, array_node(), {"1.npy": broken_header("(-2,)")}), "does not fit"),
        (lambda path: write(path, array_node(), {"1.npy": npy(np.array([{}], object))}), "expected numbers or text"),
        (lambda path: write(path, node("ListNode", content=7)), "cannot be read"),
        (lambda path: write(path, node("NdArrayNode", type="numpy")), "cannot be read"),
        (lambda path: write(path, node("SparseMatrixNode", file="1.npz"), {"1.npz": b"x"}), "no intact"),
    ],
)  # fmt: skip
def test_broken_files_say_what_is_wrong(make: Callable[[Path], Any], words: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.skops"
    make(path)
    with pytest.raises(ImportRefusedError, match=words) as caught:
        read(path, ImportOptions())
    assert "broken.skops" in str(caught.value)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.skops"
    write(bomb, array_node(), {"1.npy": npy(np.zeros(60_000_000))}, compression=zipfile.ZIP_DEFLATED)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImportRefusedError, match="would unpack to"):
        read(bomb, ImportOptions())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    x, y = numbers(50, columns=3)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
    return saved(model, tmp_path_factory.mktemp("model")).read_bytes()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_change_of_bytes_ends_otherwise(data: st.DataObject, intact: bytes, tmp_path: Path) -> None:
    changed = bytearray(intact)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "m.skops"
    path.write_bytes(bytes(changed[: data.draw(st.integers(len(changed) // 2, len(changed)))]))
    _ends_well(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_change_of_the_schema_ends_otherwise(data: st.DataObject, intact: bytes, tmp_path: Path) -> None:
    """The archive stays intact, so that what is behind its checksums is reached."""
    with zipfile.ZipFile(io.BytesIO(intact)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members.pop("schema.json"))
    nodes = _nodes(schema)
    for _ in range(data.draw(st.integers(1, 3))):
        chosen = nodes[data.draw(st.integers(0, len(nodes) - 1))]
        key = data.draw(st.sampled_from(sorted(chosen)))
        other = data.draw(st.sampled_from(["another", *VALUES]))
        if other == "another":
            other = json.loads(json.dumps(nodes[data.draw(st.integers(0, len(nodes) - 1))]))
        chosen[key] = other
    _ends_well(write(tmp_path / "m.skops", json.dumps(schema), members))


VALUES = [None, [], {}, 3, -1, "", "nan", "[1]", "1e400", [[]], "ListNode", "DictNode", "ObjectNode", "1.npy"]


def _nodes(value: Any) -> list[dict[str, Any]]:
    found = [value] if isinstance(value, dict) else []
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        found.extend(_nodes(inner))
    return [item for item in found if item]


def _ends_well(path: Path) -> None:
    try:
        read(path, ImportOptions())
    except ImportRefusedError as error:
        assert path.name in str(error)
