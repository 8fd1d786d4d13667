"""Every prior by name, for questions and the command line."""

from __future__ import annotations

from typing import Any

from . import base as priors
from . import data_priors, effect_priors, heavy_tailed_priors, improper_priors, scale_priors

__all__ = ["PRIORS"]

_TAU: dict[str, Any] = {
    name: getattr(module, name)
    for module, names in (
        (priors, ("HalfNormal", "HalfCauchy", "HalfStudentT")),
        (scale_priors, tuple(scale_priors.__all__)),
        (heavy_tailed_priors, tuple(heavy_tailed_priors.__all__)),
        (data_priors, ("DuMouchel", "UniformI2", "UniformShrinkage")),
        (improper_priors, tuple(improper_priors.__all__)),
    )
    for name in names
}

PRIORS: dict[str, dict[str, Any]] = {
    "tau": _TAU | {"Flat": improper_priors.FlatTau},
    "mu": {"Normal": effect_priors.Normal, "StudentT": effect_priors.StudentT, "Flat": effect_priors.Flat},
}
"""Role → name → class."""
