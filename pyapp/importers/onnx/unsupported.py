"""What to do instead, for operators that are not served."""

_FAMILIES = {
    "is a convolution or pooling; only dense networks are served": (
        "Conv", "ConvTranspose", "DeformConv", "ConvInteger", "QLinearConv", "MaxPool", "AveragePool", "LpPool",
        "GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool", "MaxUnpool", "MaxRoiPool", "RoiAlign", "Col2Im", "Im2Col",
        "InstanceNormalization", "GroupNormalization", "LRN", "Resize", "Upsample", "DepthToSpace", "SpaceToDepth",
    ),
    "is recurrent; only dense networks are served": ("RNN", "LSTM", "GRU", "Scan"),
    "is control flow; export the model without it (torch.onnx.export traces it away)": ("If", "Loop", "SequenceMap"),
    "is attention or an embedding; only dense networks are served": (
        "Attention", "MultiHeadAttention", "RotaryEmbedding", "GatherND", "GatherElements", "Einsum",
    ),
    "computes with quantised numbers; import the model as it was before quantisation": (
        "DynamicQuantizeLinear", "QuantizeLinear", "DequantizeLinear", "MatMulInteger", "QLinearMatMul", "QLinearAdd",
        "QGemm", "QLinearSigmoid", "QLinearLeakyRelu", "QLinearConcat", "QLinearSoftmax", "MatMulNBits",
        "DynamicQuantizeMatMul", "MatMulIntegerToFloat",
    ),
    "is an ensemble of trees; only linear models and dense networks are served": (
        "TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble",
    ),
    "is a support vector machine with a kernel; only linear models and dense networks are served": (
        "SVMClassifier", "SVMRegressor",
    ),
    "belongs to training; export the model for inference": (
        "Gradient", "Adam", "Adagrad", "Momentum", "SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss",
    ),
    "draws random numbers; export the model for inference": (
        "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial",
    ),
    "prepares text; put the vectoriser into the package from its scikit-learn pipeline (.skops) instead": (
        "StringNormalizer", "TfIdfVectorizer", "Tokenizer", "StringSplit", "StringConcat", "RegexFullMatch",
        "TextFeaturizer", "BertTokenizer",
    ),
}  # fmt: skip

_REASONS = {op: reason for reason, ops in _FAMILIES.items() for op in ops}


def what_to_do(domain: str, op: str) -> str:
    """The reason for refusing an operator and, where there is one, the way around."""
    reason = _REASONS.get(op)
    if reason is not None:
        return reason
    if domain in ("com.microsoft", "com.microsoft.nchwc"):
        return "is onnxruntime's own; import the model as it was before onnxruntime optimised it"
    if domain not in ("", "ai.onnx.ml"):
        return (
            f"is a custom operator of {domain[:200]!r}, and its code is not in the file; export it with ONNX's own ones"
        )
    return "is not served; docs/package.md lists what layers and steps can do"
