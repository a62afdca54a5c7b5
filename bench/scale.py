"""Is the cost linear in the work?  One thread, `Model.predict`, µs per row and GFLOPS.

    python bench/scale.py

Rows from 1 to 10,000 through 784-1024-1024-10, and 64 rows through one layer of 128 units with 1 to 10,000 features.
"""

import tempfile
from pathlib import Path

from machine import compare, headline, with_the_cpus_own_kernel

with_the_cpus_own_kernel()

import numpy as np  # noqa: E402
from networks import network, write_network  # noqa: E402

from pyapp import engine  # noqa: E402


def load(sizes: tuple[int, ...]) -> engine.Model:
    with tempfile.TemporaryDirectory() as folder:
        return engine.Model.load(write_network(Path(folder) / "1", network(sizes)))


def main() -> None:
    print(headline(engine.blas))
    sizes = (784, 1024, 1024, 10)
    flops = 2 * sum(a * b for a, b in zip(sizes, sizes[1:], strict=False))
    model = load(sizes)
    print("\n784-1024-1024-10\n    rows   µs per row   GFLOPS")
    for rows in (1, 2, 4, 8, 12, 16, 64, 65, 100, 1000, 1001, 10_000):
        x = np.random.default_rng(0).normal(size=(rows, 784)).astype(np.float32)
        (us,) = compare([lambda x=x: model.predict(x)], rounds=5)
        print(f"{rows:8d}{us / rows:13.2f}{flops * rows / us / 1e3:9.0f}")
    print("\n64 rows, features-128-10\nfeatures   µs per row   ns per row and 1,000 products")
    for features in (1, 2, 7, 16, 63, 64, 100, 500, 784, 1000, 1024, 1025, 2000, 5000, 10_000):
        model = load((features, 128, 10))
        x = np.random.default_rng(0).normal(size=(64, features)).astype(np.float32)
        (us,) = compare([lambda x=x, model=model: model.predict(x)], rounds=5)
        print(f"{features:8d}{us / 64:13.3f}{us / 64 * 1e6 / (features * 128 + 1280):15.2f}")


if __name__ == "__main__":
    main()
