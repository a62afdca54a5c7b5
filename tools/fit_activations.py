"""Fits the polynomials of ext/core/activate_kernels.h and prints them as C.

    pip install mpmath && python tools/fit_activations.py

Each is a near-minimax (Chebyshev) fit, computed with 40 digits.  The results are rounded to float32 in the end, whose
half ulp is 3e-8 or more of the value, so a relative error below 5e-10 adds less than 0.02 ulp.
"""

from collections.abc import Callable

from mpmath import atanh, chebyfit, erfc, exp, expm1, linspace, log, mp, mpf, nstr, polyval, sqrt

mp.dps = 40

TAIL_END = 15  # standard deviations; x * Phi(x) is 0 in float32 from 14.5 below the mean
TAIL_SCALE = mpf("0.2")  # found by trial: the smallest error for the same degree


def expm1_tail(r: mpf) -> mpf:
    """(exp(r) - 1 - r) / r², on half a power of two either side of 0."""
    return (expm1(r) - r) / r**2 if abs(r) > mpf("1e-12") else mpf(1) / 2 + r / 6


def two_atanh(z: mpf) -> mpf:
    """2 atanh(s) / s with z = s²: log1p(u) = s · this, where s = u / (2 + u) and u is in [0, 1]."""
    return 2 * atanh(sqrt(z)) / sqrt(z) if z > mpf("1e-14") else 2 + 2 * z / 3


def normal_tail(w: mpf) -> mpf:
    """exp(x²/2) · (1 - Phi(x)) / w with w = 1 / (1 + TAIL_SCALE · x), for x in [0, TAIL_END]."""
    x = (1 / w - 1) / TAIL_SCALE
    return exp(x * x / 2) * erfc(x / sqrt(2)) / 2 / w


def fit(name: str, function: Callable[[mpf], mpf], low: mpf, high: mpf, terms: int) -> None:
    """Prints the coefficients of the fit, constant term first, and its greatest relative error."""
    coefficients = chebyfit(function, [low, high], terms)
    error = max(abs(polyval(coefficients, x) / function(x) - 1) for x in linspace(low, high, 997))
    print(f"/* {function.__doc__}\n * relative error {nstr(error, 2)} */")
    print(f"#define {name} " + ", ".join(repr(float(c)) for c in reversed(coefficients)) + "\n")


if __name__ == "__main__":
    half = log(2) / 2 * mpf("1.0001")
    fit("EXPM1_TAIL", expm1_tail, -half, half, 6)
    fit("TWO_ATANH", two_atanh, mpf(0), mpf(1) / 9, 6)
    fit("NORMAL_TAIL", normal_tail, 1 / (1 + TAIL_SCALE * TAIL_END), mpf(1), 12)
