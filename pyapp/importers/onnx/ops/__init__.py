"""The rules, by family; importing them registers them."""

from . import activations, arithmetic, linear, logic, ml, normalisation, reductions, shapes

__all__ = ["activations", "arithmetic", "linear", "logic", "ml", "normalisation", "reductions", "shapes"]
