"""From a formula to a catalogue entry: options checked once, columns completed once, signs flipped once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .base import MEASURES, Estimates, FloatArray, Measure, identity
from .cells import ZERO_RULES, zero_rule

__all__ = ["Columns", "Formula", "file_measure"]

Columns = Mapping[str, FloatArray]
Formula = Callable[..., Estimates]
Prepare = Callable[[Columns, dict[str, Any]], dict[str, FloatArray]]


def file_measure(
    code: str,
    *,
    title: str,
    needs: str,
    family: str,
    reference: str,
    alternatives: tuple[str, ...] = (),
    vtypes: tuple[str, ...] = (),
    correct: bool = False,
    flip: bool = False,
    zeros: Mapping[str, Any] | None = None,
    prepare: Prepare | None = None,
    back: Callable[[FloatArray], FloatArray] = identity,
    forward: Callable[[FloatArray], FloatArray] = identity,
    back_title: str = "",
    back_total: Callable[[FloatArray, FloatArray], FloatArray] | None = None,
    null: float | None = 0.0,
    scale: str = "identity",
    dimension: str = "none",
) -> Callable[[Formula], Formula]:
    """Return a decorator that files a formula in `MEASURES`.

    ``vtypes`` (first is the default), ``correct`` and ``flip`` say which options the formula has; ``zeros``
    holds what the zero-cell rule adds when asked (``add``) and, for two groups, ``drop00``; ``prepare`` carries the
    rule out before the formula sees the columns.
    """
    names = tuple(needs.split())
    options: dict[str, tuple[object, ...]] = {}
    if vtypes:
        options["vtype"] = vtypes
    if correct:
        options["correct"] = (True, False)
    numbers: dict[str, float] = {}
    if zeros is not None:
        numbers["add"] = float(zeros["add"])
        options["to"] = ZERO_RULES
        if "drop00" in zeros:
            options["drop00"] = (False, True)
    if flip:
        options["flip"] = (False, True)

    def decorate(formula: Formula) -> Formula:
        def estimate(data: Columns, **given: Any) -> Estimates:  # noqa: ANN401
            measure = MEASURES[code]
            measure.check_options(given)
            chosen = {name: values[0] for name, values in options.items()} | numbers | zero_rule(given)
            with np.errstate(all="ignore"):
                columns = prepare(data, chosen) if prepare else {name: data[name] for name in names}
                result = formula(**columns, **{k: chosen[k] for k in ("vtype", "correct") if k in chosen})
            return _finish(result, negate=bool(chosen.get("flip", False)))

        estimate.__doc__ = formula.__doc__
        entry = Measure(
            code=code,
            title=title,
            needs=names,
            estimate=estimate,
            family=family,
            options=options,
            back=back,
            forward=forward,
            back_title=back_title,
            null=null,
            scale=scale,
            dimension=dimension,
            reference=reference,
            numbers=numbers,
            alternatives=tuple(tuple(a.split()) for a in alternatives),
            back_total=back_total,
        )
        MEASURES.register(code, title=title, reference=reference)(entry)
        return formula

    return decorate


def _finish(result: Estimates, *, negate: bool) -> Estimates:
    """Return a read-only pair; an infinite estimate or variance does not exist and both become NaN."""
    yi, vi = np.broadcast_arrays(np.asarray(result.yi, dtype=np.float64), np.asarray(result.vi, dtype=np.float64))
    gone = np.isinf(yi) | np.isinf(vi)
    yi = np.where(gone, np.nan, -yi if negate else yi)
    vi = np.where(gone, np.nan, vi)
    yi.flags.writeable = False
    vi.flags.writeable = False
    return Estimates(yi, vi)
