"""Groups a state_dict's tensors by module, and tells by names and shapes what each module is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .tensors import FormatError, Tensor

LINEAR, BATCH_NORM, VECTORS, OTHER = "linear", "batchnorm", "vectors", "other"

_DIMENSIONS = {3: "three", 4: "four", 5: "five"}
_IGNORED = ("num_batches_tracked", "_extra_state")
_REPARAMETRISED = (  # torch.nn.utils.weight_norm, the same of parametrizations, torch.nn.utils.prune
    ("weight_g", "weight_v"),
    ("parametrizations.weight.original0", "parametrizations.weight.original1"),
    ("weight_orig", "weight_mask"),
)


@dataclass(frozen=True, slots=True)
class Module:
    """One module's tensors, by their names within it."""

    path: str
    tensors: Mapping[str, Tensor]

    @property
    def kind(self) -> str:
        """LINEAR, BATCH_NORM, VECTORS (LayerNorm, RMSNorm, GroupNorm or PReLU: their tensors look alike), or OTHER."""
        names = set(self.tensors)
        if names & {"running_mean", "running_var"}:
            return BATCH_NORM if self._all_vectors() else OTHER
        if self._weight_shape() is not None and len(self._weight_shape() or ()) == 2 and not self.refusal():
            return LINEAR
        if names and names <= {"weight", "bias"} and self._all_vectors():
            return VECTORS
        return OTHER

    @property
    def features(self) -> tuple[int, int]:
        """Inputs and outputs: of a linear layer its own; of others as many as they have numbers."""
        shape = self._weight_shape()
        if shape is not None and len(shape) == 2:
            return shape[1], shape[0]
        size = max((tensor.size for tensor in self.tensors.values() if len(tensor.shape) == 1), default=0)
        return size, size

    def refusal(self) -> str:
        """Why this module can't be served whatever the architecture; "" if it may be."""
        names = set(self.tensors)
        shape = self._weight_shape() or ()
        last = self.path.rpartition(".")[2].lower()
        if any(re.match(r"(weight|bias)_(ih|hh|hr)(_l\d+|$)", name) for name in names):
            return "recurrent weights (RNN, LSTM, GRU); only networks of dense layers are served"
        if names & {"in_proj_weight", "in_proj_bias", "q_proj_weight"} or last in ("self_attn", "multihead_attn"):
            return "attention weights; only networks of dense layers are served"
        if any("packed_params" in name for name in names) or {"scale", "zero_point"} <= names:
            return "quantised weights; save the float model's state_dict"
        if names & {"weight_u", "_u", "_v"}:
            return "spectral normalisation; remove it with torch.nn.utils.remove_spectral_norm and save again"
        if len(shape) >= 3 and "weight" in names:
            count = _DIMENSIONS.get(len(shape), str(len(shape)))
            return f"convolution weights of {count} dimensions {list(shape)}; only networks of dense layers are served"
        if len(shape) == 2 and "emb" in last and "bias" not in names:
            return "an embedding's weights; only networks of dense layers are served"
        return ""

    def vector(self, name: str) -> NDArray[Any] | None:
        """One number per column; None if there is no such tensor."""
        tensor = self.tensors.get(name)
        return None if tensor is None else self._read(name, tensor).reshape(-1)

    def weight(self) -> NDArray[Any]:
        """A linear layer's weight [outputs, inputs], with what weight_norm or pruning keep apart put together."""
        first, second = next((pair for pair in _REPARAMETRISED if set(pair) <= set(self.tensors)), ("weight", ""))
        one = self._read(first, self.tensors[first])
        if not second:
            return one
        other = self._read(second, self.tensors[second])
        if second == "weight_mask":
            return np.asarray(one * other)
        norms = np.sqrt(np.sum(np.square(other, dtype=np.float64), axis=1, keepdims=True))
        return np.asarray((other / norms * one.reshape(-1, 1)).astype(other.dtype))

    def _read(self, name: str, tensor: Tensor) -> NDArray[Any]:
        try:
            return tensor.array()
        except FormatError as error:
            raise FormatError(f"{self.path}.{name}: {error}") from error

    def _weight_shape(self) -> tuple[int, ...] | None:
        for first, second in _REPARAMETRISED:
            if {first, second} <= set(self.tensors):
                return self.tensors[second].shape
        return self.tensors["weight"].shape if "weight" in self.tensors else None

    def _all_vectors(self) -> bool:
        return all(len(tensor.shape) <= 1 for tensor in self.tensors.values())


def group(tensors: Mapping[str, Tensor]) -> dict[str, Module]:
    """The modules by their paths, in the order of the file."""
    found: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        path, _, own = name.rpartition(".")
        if own in _IGNORED:
            found.setdefault(path, {})
            continue
        outer, inside, rest = path.partition(".parametrizations.")
        if inside:
            path, own = outer, f"parametrizations.{rest}.{own}"
        found.setdefault(path, {})[own] = tensor
    return {path: Module(path, parts) for path, parts in found.items() if parts}
