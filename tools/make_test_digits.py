"""Cuts tests/data/digits out of MNIST: python tools/make_test_digits.py package/data (see train_mnist.py)."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from train_mnist import read_digits

OUT = Path(__file__).resolve().parent.parent / "tests" / "data" / "digits"
PER_DIGIT = 10
ENLARGED = (2, 5, 7)  # also as dark strokes on a white sheet, as a scan would be
FACTOR, SHEET = 8, (360, 300)  # times larger; width and height of the sheet


def main() -> None:
    """The 2nd to 11th image of each digit: the 1st is in the models' samples.jsonl."""
    images, labels = read_digits(Path(sys.argv[1]), "train-")
    chosen = np.concatenate([np.flatnonzero(labels == digit)[1 : 1 + PER_DIGIT] for digit in range(10)])
    OUT.mkdir(parents=True, exist_ok=True)
    np.save(OUT / "images.npy", images[chosen].reshape(len(chosen), -1))
    np.save(OUT / "labels.npy", labels[chosen].astype(np.uint8))
    for digit in range(10):
        picture = Image.fromarray(images[chosen[digit * PER_DIGIT]])
        picture.save(OUT / f"{digit}.png", optimize=True)
        if digit in ENLARGED:
            sheet = Image.new("L", SHEET, 255)
            large = picture.resize((28 * FACTOR, 28 * FACTOR), Image.Resampling.BICUBIC)
            sheet.paste(large.point(lambda ink: 255 - ink), (90, 40))  # off the middle
            sheet.save(OUT / f"{digit}-on-white.png", optimize=True)


if __name__ == "__main__":
    main()
