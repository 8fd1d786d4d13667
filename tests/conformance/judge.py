"""Where R misses its own definition, a 40-digit computation decides between R's number and ours.

An adapter puts a function under the key ``_truth``; it is asked only when a value differs, and gets the path of
that value. A value passes when it agrees with the truth to `TRUST`, or when neither exists.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tests.conformance.compare import amplified, is_p_value
from tests.conformance.compare import deviations as plain_deviations

PRINTED = 5e-13
"""What 13 significant digits hide; some files ask for less."""
TRUST = 1e-9
"""Relative agreement with 40 digits; the functions involved keep about 13."""


def deviations(got: Any, expected: Any, hint: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any, float, bool]]:
    hint = {**hint, "rel": max(float(hint.get("rel", 0.0)), PRINTED)}
    for path, g, e, relative, fine in plain_deviations(got, expected, hint):
        if not fine and isinstance(g, float) and "_truth" in got:
            true = got["_truth"](path)
            if true is not None and math.isnan(true) and math.isnan(g):
                yield path, g, true, 0.0, True  # the quantity does not exist; R prints what its search stopped at
                continue
            if true is not None and abs(g - true) <= TRUST * abs(true) + least(path, true):
                yield path, g, true, abs(g - true) / max(abs(true), 1e-300), True
                continue
        yield path, g, e, relative, fine


def least(path: str, true: float) -> float:
    """Return the absolute tolerance; that of a p value shrinks with it."""
    return min(1e-15, TRUST * amplified(true)) if is_p_value(path) else 1e-15
