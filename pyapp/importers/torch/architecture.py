"""The architecture that a user gives, in either of its forms (json_form, module_text): the layers in their order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import activations

LINEAR, BATCH_NORM, LAYER_NORM, RMS_NORM = "linear", "batchnorm", "layernorm", "rmsnorm"
PRELU, ACTIVATION, GLU, NOTHING, FLATTEN = "prelu", "activation", "glu", "nothing", "flatten"

WITH_TENSORS = (LINEAR, BATCH_NORM, LAYER_NORM, RMS_NORM, PRELU)

_TYPES = {
    "linear": LINEAR,
    "dense": LINEAR,
    "batchnorm": BATCH_NORM,
    "batchnorm1d": BATCH_NORM,
    "syncbatchnorm": BATCH_NORM,
    "layernorm": LAYER_NORM,
    "rmsnorm": RMS_NORM,
    "prelu": PRELU,
    "activation": ACTIVATION,
    "glu": GLU,
    "dropout": NOTHING,
    "dropout1d": NOTHING,
    "alphadropout": NOTHING,
    "featurealphadropout": NOTHING,
    "identity": NOTHING,
    "flatten": FLATTEN,
}
TYPES = (
    "linear, batchnorm, layernorm, rmsnorm, prelu, glu, activation, dropout, flatten, identity, or an activation's name"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One layer in the order of use."""

    kind: str
    """One of the constants above."""
    place: str
    """Where it is written, for messages."""
    tensors: str = ""
    """The module's name in the state_dict."""
    activation: str = ""
    """torch's name of it, where the kind is ACTIVATION."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    features: tuple[int, int] | None = None
    """Inputs and outputs, if they are written there."""
    bare: bool = False
    """A LayerNorm or RMSNorm that has no tensors: elementwise_affine=False."""

    @property
    def has_tensors(self) -> bool:
        """Whether the file must have a module of that name."""
        return self.kind in WITH_TENSORS and not self.bare


@dataclass(frozen=True, slots=True)
class Architecture:
    """What the file says."""

    steps: tuple[Step, ...]
    inputs: tuple[int, ...] | None = None
    """The shape of one row, if it is not flat."""
    state: str | None = None
    """Which of a checkpoint's state_dicts, as "path.within"."""
    ignore: tuple[str, ...] = ()
    """Modules that are not part of what is served."""
    notes: tuple[str, ...] = ()


def kind_of(name: str) -> str | None:
    """What a layer of that name is, by any spelling; activations included."""
    plain = name.lower().replace("_", "").replace("-", "")
    if plain in _TYPES:
        return _TYPES[plain]
    return ACTIVATION if activations.find(name) else None
