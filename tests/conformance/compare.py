"""Compare a computed result with the expected one, value by value, at the file's tolerance."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

INDEX = re.compile(r"\[\d+\]")
SE_KEYS = ("se", "zval", "tval", "pval", "ci.lb", "ci.ub", "vb")
"""What follows from standard errors, for hints that carry ``se_rel``."""

P_VALUES = ("p", "pval", "p_value", "MHp", "BDp", "TAp", "QEp", "QMp", "QSp", "Qp", "LRTp")
"""P values by name; others have a part ``pval`` or ``QEp``."""

MOST_OF_P = 5e-3
"""Largest relative error of a p value that the error of its statistic excuses."""


def number(value: Any) -> Any:
    """Return JSON's spelling of a number as a float; everything else unchanged."""
    if isinstance(value, str) and value in ("Inf", "-Inf"):
        return math.inf if value == "Inf" else -math.inf
    return value


def plain(value: Any) -> Any:
    """Return arrays and numpy scalars as lists and Python numbers."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(v) for v in value]
    return value


def deviations(
    got: Any, expected: Any, hint: Mapping[str, Any], path: str = ""
) -> Iterator[tuple[str, Any, Any, float, bool]]:
    """Yield (path, got, expected, relative deviation, within tolerance) for every leaf of ``expected``.

    A leaf that R leaves undefined (null) is not compared.
    """
    expected = number(expected)
    if isinstance(expected, Mapping):
        for key, value in expected.items():
            inner = f"{path}.{key}" if path else str(key)
            if isinstance(got, Mapping) and key in got:
                yield from deviations(got[key], value, hint, inner)
            elif value is not None:
                yield inner, "absent", value, math.inf, False
        return
    if isinstance(expected, list):
        if not isinstance(got, list) or len(got) != len(expected):
            yield path, got, expected, math.inf, False
            return
        for i, (g, e) in enumerate(zip(got, expected, strict=True)):
            yield from deviations(g, e, hint, f"{path}[{i}]")
        return
    if expected is None:
        return
    got = number(got)
    if isinstance(expected, (bool, str)):
        yield path, got, expected, 0.0 if got == expected else math.inf, got == expected
        return
    if not isinstance(got, int | float) or isinstance(got, bool) or math.isnan(got):
        yield path, got, expected, math.inf, False
        return
    rel, absolute = tolerance(path, hint)
    if math.isinf(expected) or math.isinf(got):
        yield path, got, expected, 0.0 if got == expected else math.inf, got == expected
        return
    if is_p_value(path):
        absolute = min(absolute, (rel + absolute) * amplified(expected), MOST_OF_P * expected)
    gap = abs(got - expected)
    yield path, got, expected, gap / max(abs(expected), absolute, 1e-300), gap <= absolute + rel * abs(expected)


def tolerance(path: str, hint: Mapping[str, Any]) -> tuple[float, float]:
    """Return (relative, absolute) tolerance of the leaf at ``path``."""
    rel, absolute = float(hint.get("rel", 1e-8)), float(hint.get("abs", 1e-10))
    leaf = path.split(".")[-1].split("[")[0]
    if "se_rel" in hint and (leaf in SE_KEYS or leaf.startswith("se") or "ci." in path):
        rel = max(rel, float(hint["se_rel"]))
    if "logLik_abs" in hint and leaf in ("logLik", "deviance", "AIC", "BIC", "AICc"):
        absolute = max(absolute, float(hint["logLik_abs"]))
    if "exact_rel" in hint and ".exact." in f".{path}.":
        rel = float(hint["exact_rel"])
    elif "tau_rel" in hint and path.split(".")[0] in ("tau", "log_marginal", "marginal_likelihood"):
        rel = float(hint["tau_rel"])
    return rel, absolute


def is_p_value(path: str) -> bool:
    """Return whether the leaf at ``path`` is a p value."""
    parts = INDEX.sub("", path).split(".")
    return parts[-1] in P_VALUES or any(part in ("pval", "QEp") for part in parts)


def amplified(p: float) -> float:
    """Return the absolute error of a p value for a relative error 1 of its statistic.

    dp/p is z² dz/z in the tail of a normal, and z² is about 2 log(1/p). A p value far below the absolute tolerance of
    a file is a number still: it is compared as such.
    """
    return p * (1 + 2 * math.log(1 / p)) if 0 < p < 1 else math.inf
