"""A dense network with relu and softmax in numpy float32, and its training: Adam, cosine schedule, averaged weights."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Adam's usual ones (Kingma and Ba, 2015)
WARM_UP_STEPS = 300
AVERAGE_DECAY = 0.999  # per step


def softmax(scores: Floats) -> Floats:
    """Over the last axis of [rows, classes]."""
    powers: Floats = np.exp(scores - scores.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


class DenseNetwork:
    """kernels[i] [inputs, units] and biases[i] [units]; relu between the layers, softmax at the end."""

    def __init__(self, kernels: list[Floats], biases: list[Floats]) -> None:
        self.kernels = kernels
        self.biases = biases

    @classmethod
    def random(cls, sizes: Sequence[int], random: np.random.Generator) -> "DenseNetwork":
        """He's initial weights for the given layer sizes, inputs first."""
        kernels = [
            random.normal(0, np.sqrt(2 / inputs), (inputs, units)).astype(np.float32)
            for inputs, units in pairwise(sizes)
        ]
        return cls(kernels, [np.zeros(units, np.float32) for units in sizes[1:]])

    def predict(self, rows: Floats) -> Floats:
        """[rows, inputs] → probabilities [rows, classes]."""
        return self._activations(rows)[-1]

    def _activations(self, rows: Floats) -> list[Floats]:
        """The rows themselves, then what each layer gives."""
        out = [rows]
        for kernel, bias in zip(self.kernels[:-1], self.biases[:-1], strict=True):
            hidden = out[-1] @ kernel
            hidden += bias
            out.append(np.maximum(hidden, 0, out=hidden))
        out.append(softmax(out[-1] @ self.kernels[-1] + self.biases[-1]))
        return out

    def gradients(self, rows: Floats, labels: NDArray[np.intp]) -> list[Floats]:
        """Of the mean cross-entropy: all kernels', then all biases'."""
        activations = self._activations(rows)
        delta = activations[-1]
        delta[np.arange(len(labels)), labels] -= 1
        delta /= np.float32(len(labels))
        kernels: list[Floats] = []
        biases: list[Floats] = []
        for i in reversed(range(len(self.kernels))):
            kernels.insert(0, activations[i].T @ delta)
            biases.insert(0, delta.sum(axis=0))
            if i > 0:
                delta = delta @ self.kernels[i].T
                delta *= activations[i] > 0
        return kernels + biases


def train(
    network: DenseNetwork, batches: Iterable[tuple[Floats, NDArray[np.intp]]], steps: int, rate: float
) -> DenseNetwork:
    """Runs `steps` batches through `network` (changed in place); returns the moving average of its weights.

    The rate rises over the first steps and then falls to 0 along a cosine.
    """
    parameters = network.kernels + network.biases
    means, squares = ([np.zeros_like(p) for p in parameters] for _ in range(2))
    averages = [p.copy() for p in parameters]
    for step, (rows, labels) in enumerate(batches, 1):
        now = rate * min(1, step / WARM_UP_STEPS) * (1 + np.cos(np.pi * step / steps)) / 2
        size = np.float32(now * np.sqrt(1 - BETA2**step) / (1 - BETA1**step))
        decay = np.float32(min(AVERAGE_DECAY, step / (step + 10)))
        gradients = network.gradients(rows, labels)
        for p, g, mean, square, average in zip(parameters, gradients, means, squares, averages, strict=True):
            mean += np.float32(1 - BETA1) * (g - mean)
            square += np.float32(1 - BETA2) * (g * g - square)
            p -= size * mean / (np.sqrt(square) + np.float32(EPSILON))
            average += (1 - decay) * (p - average)
    half = len(network.kernels)
    return DenseNetwork(averages[:half], averages[half:])
