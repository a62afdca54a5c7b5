"""What torch's pickles may call: the functions that rebuild tensors, here made of storages and views of them."""

from typing import Any

from . import pickles
from .pickles import Global, Made
from .tensors import MAX_NUMBER, FormatError, Storage, view

_STORAGES = {
    "Double": "float64",
    "Float": "float32",
    "Half": "float16",
    "BFloat16": "bfloat16",
    "Long": "int64",
    "Int": "int32",
    "Short": "int16",
    "Char": "int8",
    "Byte": "uint8",
    "Bool": "bool",
}


def _rebuild(arguments: tuple[Any, ...]) -> Any:
    storage, offset, shape, strides = arguments[:4]
    if not isinstance(storage, Storage):
        return Made("torch.Tensor", arguments)
    dtype = next((item.name for item in arguments[4:] if isinstance(item, Global)), None)  # _rebuild_tensor_v3
    if dtype is not None and storage.dtype != dtype.removeprefix("torch."):
        return Made(dtype)
    return view(storage, offset, shape, strides)


def _rebuild_from_type(arguments: tuple[Any, ...]) -> Any:
    function, _, inner = arguments[:3]
    return CALLS[function.name](inner) if isinstance(function, Global) and function.name in CALLS else Made("?")


CALLS: pickles.Calls = {
    "torch._utils._rebuild_tensor": _rebuild,
    "torch._utils._rebuild_tensor_v2": _rebuild,
    "torch._utils._rebuild_tensor_v3": _rebuild,
    "torch._utils._rebuild_parameter": lambda arguments: arguments[0],
    "torch._utils._rebuild_parameter_with_state": lambda arguments: arguments[0],
    "torch._tensor._rebuild_from_type_v2": _rebuild_from_type,
    "torch.nn.parameter.Parameter": lambda arguments: arguments[0] if arguments else Made("?"),
    "torch.Size": lambda arguments: tuple(arguments[0]) if arguments else (),
}


def _storage_dtype(kind: Any) -> str:
    name = kind.name if isinstance(kind, Global) else ""
    short = name.rpartition(".")[2].removesuffix("Storage")
    if name.startswith("torch.") and name.endswith("Storage"):
        return _STORAGES.get(short, short)
    raise FormatError(f"a storage of type {name or '?'}; expected torch.FloatStorage or alike")


def persistent_id(value: Any) -> tuple[str, str, int, Any]:
    """(dtype, key, count, view) of a storage."""
    if isinstance(value, tuple) and len(value) >= 5 and value[0] == "storage" and isinstance(value[2], str):
        count = value[4]
        if type(count) is int and 0 <= count < MAX_NUMBER:
            return _storage_dtype(value[1]), value[2], count, value[5] if len(value) > 5 else None
    raise FormatError("it refers to a storage in an unknown way")
