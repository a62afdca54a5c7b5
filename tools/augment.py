"""Distortions of images, all numpy: affine maps, smooth displacements, stroke thickness, contrast.

Images are float32 or uint8 [n, 28, 28], 0 (paper) to 255 (ink); what leaves is float32 of the same shape and range.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

EDGE = 28
MARGIN = 3  # pixels of paper around an image, so that reading beside it finds paper
CHUNK = 500  # images distorted at once: what they need stays in the CPU's cache


def rotation_matrices(degrees: NDArray[np.float64]) -> Floats:
    """[n] angles → [n, 2, 2], for (y, x) coordinates."""
    angles = np.deg2rad(degrees)
    cos, sin = np.cos(angles), np.sin(angles)
    return np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2).astype(np.float32)


def warp(
    images: NDArray[np.uint8] | Floats, matrices: Floats, shifts: Floats, displacements: Floats | None = None
) -> Floats:
    """Image i's pixel p becomes what lies at matrices[i] · (p − centre) + centre + shifts[i] + displacements[i, :, p].

    matrices [n, 2, 2], shifts [n, 2], displacements [n, 2, 784], in pixels, (y, x); bilinear, paper outside.
    """
    count, edge = len(images), EDGE + 2 * MARGIN
    padded = np.zeros((count, edge, edge), np.float32)
    padded[:, MARGIN:-MARGIN, MARGIN:-MARGIN] = images
    axis = np.arange(EDGE, dtype=np.float32) - np.float32((EDGE - 1) / 2)
    from_centre = np.stack(np.meshgrid(axis, axis, indexing="ij")).reshape(2, -1)
    places = matrices @ from_centre + shifts[:, :, None]
    if displacements is not None:
        places += displacements
    places += np.float32((edge - 1) / 2)
    np.clip(places, 0, np.float32(edge - 1.01), out=places)
    whole = places.astype(np.int32)
    y, x = np.moveaxis(places - whole, 1, 0)
    corner = whole[:, 0] * edge + whole[:, 1] + (np.arange(count, dtype=np.int32) * edge * edge)[:, None]
    flat = padded.ravel()
    top: Floats = flat.take(corner)
    right = flat.take(corner + 1)
    bottom, bottom_right = flat.take(corner + edge), flat.take(corner + edge + 1)
    top += x * (right - top)
    bottom += x * (bottom_right - bottom)
    top += y * (bottom - top)
    return top.reshape(count, EDGE, EDGE)


def smooth_displacements(random: np.random.Generator, count: int, sigma: float) -> Floats:
    """Noise smoothed by a Gaussian of `sigma` pixels, standard deviation 1: [count, 2, 784] (Simard et al., 2003)."""
    rows, columns = np.fft.fftfreq(EDGE)[:, None], np.fft.rfftfreq(EDGE)[None]
    gaussian = np.exp(-2 * (np.pi * sigma) ** 2 * (rows**2 + columns**2))
    noise = random.standard_normal((count, 2, EDGE, EDGE), dtype=np.float32)
    smooth = np.fft.irfft2(np.fft.rfft2(noise) * gaussian, s=(EDGE, EDGE))
    smooth /= smooth.std(axis=(2, 3), keepdims=True)
    return smooth.reshape(count, 2, -1).astype(np.float32)


def change_thickness(images: Floats, amounts: Floats) -> Floats:
    """Blends each image with its 3 x 3 maximum (amount 0 … 1: thicker) or minimum (0 … −1: thinner)."""
    out = images.copy()
    for chosen, extreme in ((amounts > 0, np.maximum), (amounts < 0, np.minimum)):
        original = images[chosen]
        rows = original.copy()
        extreme(rows[:, 1:], original[:, :-1], out=rows[:, 1:])
        extreme(rows[:, :-1], original[:, 1:], out=rows[:, :-1])
        both = rows.copy()
        extreme(both[:, :, 1:], rows[:, :, :-1], out=both[:, :, 1:])
        extreme(both[:, :, :-1], rows[:, :, 1:], out=both[:, :, :-1])
        out[chosen] += np.abs(amounts[chosen])[:, None, None] * (both - original)
    return out


@dataclass(frozen=True)
class Augmentation:
    """How far digits are distorted at random; each range is symmetric around "as it is"."""

    degrees: float = 10
    scale: float = 0.1  # logarithm, both axes
    stretch: float = 0.1  # logarithm, one axis against the other
    shear: float = 0.15
    shift: float = 1  # standard deviation, in pixels; never beyond MARGIN
    displacement: float = 0.8  # largest standard deviation, in pixels
    smoothness: float = 4  # of the displacements, in pixels
    thickness: float = 0.5
    contrast: float = 0.3  # logarithm

    def apply(self, images: NDArray[np.uint8], random: np.random.Generator, pool: Floats) -> Floats:
        """`pool`: smooth_displacements to choose from, as making them costs more than all the rest."""
        parts = [self._apply(images[i : i + CHUNK], random, pool) for i in range(0, len(images), CHUNK)]
        return np.concatenate(parts)

    def _apply(self, images: NDArray[np.uint8], random: np.random.Generator, pool: Floats) -> Floats:
        count = len(images)

        def uniform(limit: float) -> NDArray[np.float64]:
            return random.uniform(-limit, limit, count)

        scale, stretch = np.exp(uniform(self.scale)), np.exp(uniform(self.stretch))
        shape = np.zeros((count, 2, 2), np.float32)
        shape[:, 0, 0], shape[:, 1, 1], shape[:, 1, 0] = scale * stretch, scale / stretch, uniform(self.shear)
        shifts = np.clip(random.normal(0, self.shift, (count, 2)), -MARGIN, MARGIN).astype(np.float32)
        strengths = random.uniform(0, self.displacement, (count, 1, 1)).astype(np.float32)
        displacements = pool[random.integers(0, len(pool), count)] * strengths
        out = warp(images, rotation_matrices(uniform(self.degrees)) @ shape, shifts, displacements)
        out = change_thickness(out, uniform(self.thickness).astype(np.float32))
        out *= np.exp(uniform(self.contrast)).astype(np.float32)[:, None, None]
        return np.minimum(out, 255, out=out)
