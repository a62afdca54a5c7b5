"""The promise of the product: a row's answer is the same to the last bit in whatever company it is computed."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_packages import dense_network, reference, write_package
from pyapp import engine

KERNELS = ["Haswell", "Zen", "SkylakeX", "Cooperlake", "Sandybridge", "Nehalem", "Prescott", "Bulldozer"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(1, 150), min_size=2, max_size=4),
    rows=st.integers(1, 200),
    seed=st.integers(0, 2**32 - 1),
    bad=st.sampled_from([None, np.nan, np.inf, -np.inf, 3e38]),
)
def test_alone_and_in_any_batch(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], rows: int, seed: int, bad: float | None
) -> None:
    manifest, tensors = dense_network(sizes, seed)
    model = engine.Model.load(write_package(tmp_path_factory.mktemp("m") / "1", manifest, tensors))
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, sizes[0])).astype(np.float32)
    together = model.predict(x)
    assert np.abs(together - reference(manifest, tensors, x)).max() < 1e-4
    for i in rng.integers(0, rows, 5):
        assert model.predict(x[i]).tobytes() == together[i].tobytes()
    order = rng.permutation(rows)
    assert model.predict(x[order]).tobytes() == together[order].tobytes()
    first, last = sorted(rng.integers(0, rows + 1, 2))
    assert model.predict(x[first:last]).tobytes() == together[first:last].tobytes()
    if bad is not None and rows > 1:
        neighbour = x.copy()
        neighbour[rows // 2] = bad
        others = np.arange(rows) != rows // 2
        assert model.predict(neighbour)[others].tobytes() == together[others].tobytes()


CHECK = """
import sys
import numpy as np
from pyapp import engine
for folder in sys.argv[1:]:
    model = engine.Model.load(folder)
    x = np.random.default_rng(0).normal(size=(200, model.features)).astype(np.float32)
    x[77, 0] = np.nan
    together = model.predict(x)
    assert not np.isnan(np.delete(together, 77, 0)).any()
    for rows in range(1, 201):
        for first in {0, 3, 200 - rows} - set(range(201 - rows, 201)):
            got = model.predict(x[first : first + rows])
            assert got.tobytes() == together[first : first + rows].tobytes(), (folder, rows, first)
print(engine.blas)
"""


@pytest.mark.parametrize("kernel", KERNELS)
def test_under_every_kernel_openblas_can_be_told_to_use(kernel: str, tmp_path: Path) -> None:
    shapes = [(784, 128, 10), (30, 16, 1), (1500, 70, 33), (5, 3)]
    folders = [
        str(write_package(tmp_path / str(i) / "1", *dense_network(s, i, last="softmax" if s[-1] > 1 else "linear")))
        for i, s in enumerate(shapes)
    ]
    run = subprocess.run(
        [sys.executable, "-c", CHECK, *folders],
        env={**os.environ, "OPENBLAS_CORETYPE": kernel, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
    )
    if run.returncode < 0 and -run.returncode == 4:
        pytest.skip(f"this CPU lacks an instruction of {kernel}")  # SIGILL
    assert run.returncode == 0, run.stderr
