"""One study, no events, nothing but events: what exact intervals say where a likelihood has no finite maximum."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from ..effects.measures.arm_intervals import arm_interval, rate_interval
from ..errors import NotEstimable
from ..values import Interval
from .count_results import CountSpec
from .glmm_designs import CountData
from .glmm_request import WHY, Request
from .glmm_results import GlmmPooled

__all__ = ["at_the_edge"]


def at_the_edge(request: Request, data: CountData) -> GlmmPooled | None:
    """Return the exact answer where the likelihood has no finite maximum or one study is all there is."""
    none = data.x.sum(axis=0) == 0
    full = (data.x == data.size).all(axis=0) if data.family == "binomial" else np.zeros_like(none)
    if data.x.shape[1] == 2:
        if (none | full).any():
            raise NotEstimable(
                "one group has no events in any study (or nothing but events): the ratio is infinite or undefined"
                " · pool each group by itself, which gives exact bounds, or fit a Bayesian model"
            )
        return None
    if not (none[0] or full[0]) and data.k > 1:
        return None
    return _exact_one_arm(request, data, bool(none[0]), bool(full[0]))


def _exact_one_arm(request: Request, data: CountData, none: bool, full: bool) -> GlmmPooled:
    events, total = float(data.x.sum()), float(data.size.sum())
    exact = arm_interval if data.family == "binomial" else rate_interval

    def bounds(level: float) -> Interval:
        low, high = exact(events, total, "exact", level)
        return on_link(Interval(float(low), float(high)), data.family)

    mu = on_link(Interval(events / total, events / total), data.family).low
    se = (
        math.nan if none or full else math.sqrt(1 / events + (1 / (total - events) if data.family == "binomial" else 0))
    )
    kind = "Clopper-Pearson" if data.family == "binomial" else "Garwood"
    if none or full:
        what = "no events in any study" if none else "every patient of every study had the event"
        note = (
            f"{what}: the estimate is at the edge; the interval is the exact {kind} interval of the {data.k} studies"
            " taken together, and how much studies differ cannot be estimated"
        )
    else:
        note = f"one study: its own rate with the exact {kind} interval; how much studies differ cannot be estimated"
    why = {"model": WHY["one-arm"], "interval": note, "prediction": "how much studies differ cannot be estimated"}
    spec = CountSpec(
        "glmm",
        "none",
        f"exact ({kind})",
        "none",
        request.level,
        "none",
        why,
        {"likelihood": "one-arm"},
        f"exact {kind} interval",
    )
    return GlmmPooled(
        request.table,
        spec,
        request.measure,
        mu,
        se,
        math.inf,
        0.0,
        math.nan,
        data.k - 1,
        math.nan,
        math.nan,
        math.nan,
        None,
        (note,),
        bounds,
        np.array([mu]),
        np.array([[se**2]]),
    )


def on_link(bound: Interval, family: str) -> Interval:
    """Return a bound of a proportion (logit) or rate (log) on the link scale, infinite at the edge."""
    with np.errstate(divide="ignore"):
        low, high = special.logit(np.array(bound)) if family == "binomial" else np.log(np.array(bound))
    return Interval(float(low), float(high))
