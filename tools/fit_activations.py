"""Fits the polynomials of ext/core/activate_math.h and prints them as C.

    pip install mpmath && python tools/fit_activations.py

Each is a near-minimax (Chebyshev) fit, computed with 40 digits.  The results are rounded to float32 in the end, whose
half ulp is 3e-8 or more of the value, so a relative error below 5e-10 adds less than 0.02 ulp.
"""

from collections.abc import Callable

from mpmath import (
    atanh,
    chebyfit,
    cos,
    erf,
    erfc,
    exp,
    expm1,
    linspace,
    log,
    mp,
    mpf,
    nstr,
    pi,
    polyval,
    sin,
    sqrt,
    tanh,
)

mp.dps = 40

TAIL_END = 15  # standard deviations; x * Phi(x) is 0 in float32 from 14.5 below the mean
TAIL_SCALE = mpf("0.2")  # found by trial: the smallest error for the same degree


def expm1_tail(r: mpf) -> mpf:
    """(exp(r) - 1 - r) / r², on half a power of two either side of 0."""
    return (expm1(r) - r) / r**2 if abs(r) > mpf("1e-12") else mpf(1) / 2 + r / 6


def two_atanh(z: mpf) -> mpf:
    """2 atanh(s) / s with z = s²: log1p(u) = s · this, where s = u / (2 + u) and u is in [0, 1]."""
    return 2 * atanh(sqrt(z)) / sqrt(z) if z > mpf("1e-14") else 2 + 2 * z / 3


def erf_over_x(z: mpf) -> mpf:
    """erf(x) / x with z = x², for x up to 1/2."""
    x = sqrt(z)
    return erf(x) / x if z > mpf("1e-20") else 2 / sqrt(pi)


def tanh_shrinkage(z: mpf) -> mpf:
    """(x - tanh(x)) / x³ with z = x², for x up to 3/2."""
    x = sqrt(z)
    return (x - tanh(x)) / x**3 if z > mpf("1e-10") else mpf(1) / 3 - 2 * z / 15


def sine(z: mpf) -> mpf:
    """(sin(x) - x) / x³ with z = x², for x on an eighth of a turn either side of 0."""
    x = sqrt(z)
    return (sin(x) - x) / x**3 if z > mpf("1e-10") else -mpf(1) / 6 + z / 120


def cosine(z: mpf) -> mpf:
    """(cos(x) - 1) / x² with z = x², for x on an eighth of a turn either side of 0."""
    return (cos(sqrt(z)) - 1) / z if z > mpf("1e-10") else -mpf(1) / 2 + z / 24


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
    eighth = (pi / 4) ** 2 * mpf("1.0001")
    fit("ERF_OVER_X", erf_over_x, mpf(0), mpf("0.2501"), 6)
    fit("TANH_SHRINKAGE", tanh_shrinkage, mpf(0), mpf("2.2501"), 12)
    fit("SINE", sine, mpf(0), eighth, 6)
    fit("COSINE", cosine, mpf(0), eighth, 6)
