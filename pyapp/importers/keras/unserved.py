"""Why a layer cannot be served, and what to do about it."""

from .architecture import Layer

_DENSE = "the engine serves dense networks"
_KINDS = (
    ("Conv", "is a convolution", "import the dense part behind it and give that its features"),
    ("Pool", "pools pictures or sequences", "import the dense part behind it and give that its features"),
    (
        "Embedding",
        "looks up rows of a table",
        "encode its input with CategoryEncoding(output_mode='multi_hot') and a Dense layer instead",
    ),
    ("LSTM", "is recurrent", "import the dense part behind it and give that its features"),
    ("GRU", "is recurrent", "import the dense part behind it and give that its features"),
    ("RNN", "is recurrent", "import the dense part behind it and give that its features"),
    ("Bidirectional", "is recurrent", "import the dense part behind it and give that its features"),
    ("Attention", "is attention", "import the dense part behind it and give that its features"),
    ("TimeDistributed", "works on sequences", "put a Flatten before a Dense layer instead"),
    ("Masking", "is for sequences of varying length", "leave it out if no recurrent layer follows"),
    ("Locally", "is a local convolution", "import the dense part behind it and give that its features"),
    ("Padding", "pads pictures or sequences", "pad before sending"),
    ("UpSampling", "enlarges pictures or sequences", "import the dense part behind it"),
    ("Resizing", "resizes pictures", "leave it out: the engine resizes pictures to the size of the next layer's input"),
    ("CenterCrop", "crops pictures", "leave it out and crop before sending"),
    ("HashedCrossing", "crosses two inputs", "send the crossed value as an input of its own to Hashing"),
)


def why_not(layer: Layer) -> str:
    """The reason, for a message; `layer` is of a kind that is not served."""
    if layer.kind == "Lambda":
        return (
            "Lambda holds Python code, which is never run; replace it by a layer that says what it does "
            "(Rescaling, Normalization, Activation …)"
        )
    if layer.kind in ("TFOpLambda", "TensorFlowOpLayer", "SlicingOpLambda", "ClassMethod"):
        function = layer.config.get("function") or layer.config.get("node_def") or layer.name
        return (
            f"{layer.kind} ({str(function)[:60]!r}) is an operation in the code around the layers; use a layer instead"
        )
    if layer.operation:
        return f"{layer.kind} is an operation in the code around the layers; use a layer instead"
    for part, what, instead in _KINDS:
        if part in layer.kind:
            return f"{layer.kind} {what}; {_DENSE}: {instead}"
    return f"{layer.kind} is not one of the layers that can be served; {_DENSE}: use Dense and Keras' layers around it"
