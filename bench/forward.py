"""The forward pass against ONNX Runtime, PyTorch and numpy: one thread, microseconds per call, answers compared.

    python bench/forward.py            needs onnx, onnxruntime and torch (bench/requirements.txt)

Ours is `Model.predict`, the others their quickest way to call: ONNX Runtime's session.run, PyTorch's traced module in
inference mode, numpy's matmul chain.  "ratio" is the best of the others divided by ours: above 1 we are ahead.
"""

import argparse
import tempfile
from pathlib import Path

from machine import compare, headline, with_the_cpus_own_kernel

with_the_cpus_own_kernel()

import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402
import torch  # noqa: E402
from networks import NETWORKS, network, numpy_forward, onnx_model, torch_module, write_network  # noqa: E402

from pyapp import engine  # noqa: E402

ROWS = [1, 2, 4, 8, 16, 32, 64, 256]


def peak_gflops() -> float:
    """What OpenBLAS reaches on one core with a product that leaves it nothing to wish for: 512 rows, 1024 x 1024."""
    x, w = np.ones((512, 1024), np.float32), np.ones((1024, 1024), np.float32)
    out = np.empty((512, 1024), np.float32)
    (us,) = compare([lambda: np.matmul(x, w, out=out)], rounds=9)
    return 2 * 512 * 1024 * 1024 / us / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    print(headline(engine.blas))
    peak = peak_gflops()
    print(f"peak: {peak:.0f} GFLOPS (OpenBLAS, 512 x 1024 x 1024)")
    for sizes in NETWORKS:
        layers = network(sizes)
        flops = 2 * sum(a * b for a, b in zip(sizes, sizes[1:], strict=False))
        with tempfile.TemporaryDirectory() as folder:
            model = engine.Model.load(write_network(Path(folder) / "1", layers))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            onnx_model(layers).SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        module = torch.jit.freeze(torch.jit.trace(torch_module(layers).eval(), torch.zeros(2, sizes[0])))
        print(f"\n{'-'.join(map(str, sizes))}   onnxruntime {onnxruntime.__version__}, torch {torch.__version__}")
        print("  rows      ours      onnx     torch     numpy   ratio  GFLOPS  of peak")
        for rows in ROWS:
            x = np.random.default_rng(rows).normal(size=(rows, sizes[0])).astype(np.float32)
            tensor = torch.from_numpy(x)
            ours, theirs = model.predict(x), session.run(None, {"x": x})[0]
            assert np.abs(ours - theirs).max() < 1e-4 * max(1, np.abs(theirs).max())
            assert np.abs(ours - numpy_forward(layers, x)).max() < 1e-4 * max(1, np.abs(theirs).max())
            with torch.inference_mode():
                assert np.abs(ours - module(tensor).numpy()).max() < 1e-4 * max(1, np.abs(theirs).max())
                us = compare(
                    [
                        lambda x=x: model.predict(x),
                        lambda x=x: session.run(None, {"x": x}),
                        lambda tensor=tensor: module(tensor),
                        lambda x=x: numpy_forward(layers, x),
                    ],
                    rounds,
                )
            rate = flops * rows / us[0] / 1e3
            cells = "".join(f"{t:10.2f}" for t in us)
            print(f"  {rows:4d}{cells}{min(us[1:]) / us[0]:8.2f}{rate:8.0f}{rate / peak:9.0%}")


if __name__ == "__main__":
    main()
