"""Arrays as the tensors of the Open Inference Protocol, as JSON or binary (its extension `binary_tensor_data`).

numpy is loaded here, when arrays are sent; in a binary body they are little-endian, row-major and packed.
"""

import json
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .errors import ServerError

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEADER = "Inference-Header-Content-Length"

_DATATYPES = {
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "BOOL": "?",
}


def arrays(data: Any, names: list[str]) -> "dict[str, NDArray[Any]]":
    """By input: of a mapping each, of anything else the only one.  Raises ValueError."""
    import numpy as np

    if isinstance(data, Mapping):
        return {str(name): np.asarray(value) for name, value in data.items()}
    if len(names) != 1:
        raise ValueError(f"the model has several inputs: give arrays by name, of {', '.join(names)}")
    return {names[0]: np.asarray(data)}


def encode(
    inputs: "Mapping[str, NDArray[Any]]", binary: bool, outputs: list[str] | None
) -> tuple[dict[str, str], bytes]:
    """Headers and body of an infer request.  Raises TypeError for arrays of objects that are no texts."""
    described, pieces = [], []
    for name, array in inputs.items():
        datatype = _datatype(array)
        tensor: dict[str, Any] = {"name": name, "shape": list(array.shape), "datatype": datatype}
        if binary:
            piece = _pack_texts(array) if datatype == "BYTES" else array.astype(_DATATYPES[datatype]).tobytes()
            tensor["parameters"] = {"binary_data_size": len(piece)}
            pieces.append(piece)
        else:
            if datatype == "FP16":  # has no form of its own in JSON
                tensor["datatype"] = "FP32"
            tensor["data"] = array.ravel().tolist()
        described.append(tensor)
    request: dict[str, Any] = {"inputs": described}
    if outputs is not None:
        request["outputs"] = [{"name": name} for name in outputs]
    if not binary:
        return {"Content-Type": "application/json"}, json.dumps(request).encode()
    request["parameters"] = {"binary_data_output": True}
    head = json.dumps(request).encode()
    return {"Content-Type": "application/octet-stream", HEADER: str(len(head))}, b"".join([head, *pieces])


def decode(header: str | None, body: bytes) -> "tuple[dict[str, Any], dict[str, NDArray[Any]]]":
    """The JSON part of a reply, and its outputs.  Raises ServerError for what is none."""
    try:
        size = len(body) if header is None else int(header)
        document = json.loads(body[:size])
        found, at = {}, size
        for tensor in document["outputs"]:
            length = tensor.get("parameters", {}).get("binary_data_size")
            if length is None:
                found[tensor["name"]] = _from_json(tensor)
            else:
                found[tensor["name"]] = _from_bytes(tensor, body[at : at + length])
                at += length
    except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise ServerError(f"the reply is no answer of the Open Inference Protocol: {error!r}") from error
    return document, found


def _datatype(array: "NDArray[Any]") -> str:
    kind = array.dtype.newbyteorder("<").str
    if array.dtype.kind in "UST" or array.dtype.kind == "O":
        return "BYTES"
    for name, code in _DATATYPES.items():
        if kind.lstrip("<|") == code.lstrip("<") or (name == "BOOL" and array.dtype.kind == "b"):
            return name
    raise TypeError(f"arrays of {array.dtype} can't be sent; expected numbers, booleans or texts")


def _pack_texts(array: "NDArray[Any]") -> bytes:
    pieces = []
    for value in array.ravel().tolist():
        if not isinstance(value, (str, bytes)):
            raise TypeError(f"an array of texts has {value!r} in it")
        text = value.encode() if isinstance(value, str) else value
        pieces.append(struct.pack("<I", len(text)) + text)
    return b"".join(pieces)


def _from_json(tensor: dict[str, Any]) -> "NDArray[Any]":
    import numpy as np

    dtype: Any = "O" if tensor["datatype"] == "BYTES" else _DATATYPES[tensor["datatype"]]
    # JSON has no NaN; a bare one is read as such, and null stands for it with some servers.
    data = np.array(tensor["data"], dtype=dtype)
    return data.reshape(tensor["shape"])


def _from_bytes(tensor: dict[str, Any], piece: bytes) -> "NDArray[Any]":
    import numpy as np

    if tensor["datatype"] != "BYTES":
        return np.frombuffer(piece, _DATATYPES[tensor["datatype"]]).reshape(tensor["shape"])
    texts, at = [], 0
    while at < len(piece):
        (length,) = struct.unpack_from("<I", piece, at)
        texts.append(piece[at + 4 : at + 4 + length].decode())
        at += 4 + length
    return np.array(texts, dtype="O").reshape(tensor["shape"])
