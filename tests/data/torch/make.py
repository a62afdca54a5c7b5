"""Makes the files of this folder with torch (2.13, CPU): python make.py.  Seeded; nothing is trained."""

import json
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

HERE = Path(__file__).parent


def save(name: str, model: nn.Module, saved=None, text=None, columns: int = 4, write=torch.save) -> None:
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    model.eval()
    rows = torch.randn(5, columns)
    write(model.state_dict() if saved is None else saved, folder / "model.pt")
    if text is None:
        text = str(model)
    kind = "txt" if isinstance(text, str) else "json"
    (folder / f"architecture.{kind}").write_text(text if kind == "txt" else json.dumps(text, indent=1))
    np.save(folder / "input.npy", rows.numpy())
    with torch.no_grad():
        answers = model.float()(rows)
    np.save(folder / "expected.npy", answers.numpy())


def mlp(*middle: nn.Module, inputs: int = 4, units: int = 6, outputs: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, units), *middle, nn.Linear(units, outputs))


def legacy(value, path) -> None:
    torch.save(value, path, _use_new_zipfile_serialization=False)


class Tied(nn.Module):
    """Two layers share a weight; a third is a view of another's storage, transposed."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.z_first = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)
        self.b.weight = self.a.weight
        self.z_first.weight = nn.Parameter(torch.randn(4, 4).t())

    def forward(self, x):
        return self.b(torch.relu(self.a(torch.relu(self.z_first(x)))))


def main() -> None:
    torch.manual_seed(1)
    save("legacy", mlp(nn.ReLU()), write=legacy)
    tied = Tied()
    layers = [{"type": "linear", "tensors": name, "then": "relu"} for name in ("z_first", "a")]
    text = {"layers": [*layers, {"type": "Linear", "tensors": "b", "then": "none"}]}
    save("tied-strided", tied, text=text)
    save("tied-strided-legacy", tied, text=text, write=legacy)
    half = mlp(nn.SiLU()).bfloat16()
    half[2].weight = nn.Parameter(torch.randn(6, 9).bfloat16()[:, 2:8:2].t())  # rows and columns apart
    half[2].bias = nn.Parameter(torch.randn(3).double())
    half = half.eval()
    folder = {key: value.clone() if key == "0.bias" else value for key, value in half.state_dict().items()}
    save("bfloat16-float64", half, saved=OrderedDict(folder))
    activations = [
        nn.ELU(0.7), nn.Hardsigmoid(), nn.Hardtanh(-0.5, 0.75), nn.Hardswish(), nn.LeakyReLU(0.2), nn.LogSigmoid(),
        nn.PReLU(), nn.PReLU(6), nn.ReLU(inplace=True), nn.ReLU6(), nn.RReLU(0.1, 0.3), nn.SELU(), nn.CELU(0.4),
        nn.GELU(), nn.GELU("tanh"), nn.Sigmoid(), nn.SiLU(), nn.Mish(), nn.Softplus(), nn.Softplus(2.5),
        nn.Softshrink(0.3), nn.Softsign(), nn.Tanh(), nn.Tanhshrink(), nn.Threshold(0.1, 0.0), nn.Softmin(dim=1),
        nn.Softmax(dim=-1), nn.LogSoftmax(dim=1), nn.Hardshrink(0.2), nn.Threshold(-0.2, 0.7),
    ]  # fmt: skip
    modules = [nn.Linear(4, 6)]
    for activation in activations:
        modules += [activation, nn.Linear(6, 6), nn.Identity(), nn.LayerNorm(6, elementwise_affine=True)]
    save("every-activation", nn.Sequential(*modules))
    norms = [nn.BatchNorm1d(6, eps=0.01), nn.ReLU(), nn.Linear(6, 6), nn.LayerNorm(6, eps=0.1), nn.Tanh()]
    normed = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4), nn.Linear(4, 6), *norms, nn.RMSNorm(6), nn.Linear(6, 2))
    normed.train()
    for _ in range(3):
        normed(torch.randn(16, 4) * 3 + 1)
    save("norms", nn.Sequential(OrderedDict(flatten=normed[0], stack=nn.Sequential(*normed[1:]))))
    weighted = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 2), nn.Sigmoid())
    torch.nn.utils.weight_norm(weighted[0])
    parametrizations.weight_norm(weighted[2])
    prune.random_unstructured(weighted[4], "weight", amount=0.5)
    layers = [{"type": "linear", "tensors": name, "then": then} for name, then in (("0", "relu"), ("2", "relu"))]
    save(
        "weight-norm-pruned",
        weighted,
        text={"layers": [*layers, {"type": "linear", "tensors": "4", "then": ["sigmoid"]}]},
    )
    inner = mlp(nn.GELU())
    lightning = {
        "epoch": 3,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": {
            **{f"model._orig_mod.{k}": v for k, v in inner.state_dict().items()},
            "loss.weight": torch.ones(3),
        },
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(6, 4)}}}],
        "hyper_parameters": {
            "path": Path("x"),
            "shape": torch.Size([1]),
            "dtype": torch.float32,
            "device": torch.device("cpu"),
        },
        "callbacks": {},
    }
    save("lightning", inner, saved=lightning)
    save("linear", nn.Linear(4, 1))


if __name__ == "__main__":
    main()
