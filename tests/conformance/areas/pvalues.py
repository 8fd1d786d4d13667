"""Combination of p values."""

from __future__ import annotations

from typing import Any

import numpy as np

import lamevidence as lam
from lamevidence.checks.p_values import COMBINATIONS, ENDS
from tests.conformance.judge import TRUST
from tests.conformance.judge import deviations as judged
from tests.conformance.runner import Unsupported

NAMES = {"truncated product": "truncated", "votep": "votes"}
OPTIONS = {"r": "rank", "k": "df", "ptrunc": "threshold", "rtrunc": "rank", "alpha": "threshold"}


def compute(inputs: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Run one case; values that a method cannot take are left out, as R does."""
    args = case["args"]
    method = NAMES.get(args["fn"], args["fn"])
    if "rtrunc" in args:
        method = "rank-truncated"
    unknown = sorted(set(args) - {"fn", "weights", *OPTIONS})
    if method not in COMBINATIONS or unknown:
        raise Unsupported(f"p values combined by {args['fn']}" + (f" with {', '.join(unknown)}" if unknown else ""))
    p = np.array([np.nan if x is None else x for x in inputs["p"]], dtype=float)
    zero, one = ENDS.get(method, (False, False))
    keep = ((p > 0) & (p < 1)) | (zero & (p == 0)) | (one & (p == 1))
    if (method == "invt" and not keep.all()) or (method.endswith("truncated") and (p == 0).any()):
        raise Unsupported(f"{args['fn']} of p values of 0 or 1: R gives an infinite statistic or 1")
    if "rtrunc" in args and args["rtrunc"] >= keep.sum():
        raise Unsupported("the product of all p values as a rank-truncated one: R gives 0, Fisher's method is meant")
    options: dict[str, Any] = {OPTIONS[name]: args[name] for name in OPTIONS if name in args}
    if "weights" in args:
        given = args["weights"]
        if isinstance(given, str) and given != "1..k":
            raise Unsupported(f"weights {given}")
        weights = np.arange(1, p.size + 1) if given == "1..k" else np.array(given, dtype=float)
        options["weights"] = weights[keep]
    found = lam.checks.combine_p_values(p[keep], method, **options)
    exact = found.p_value if method == "edgington" else None  # ours is rational arithmetic; R's sum cancels
    out = {"stat": found.statistic, "df": found.df, "p": found.p_value, "_truth": lambda path: exact}
    if method == "rank-truncated":
        true = rank_truncated(np.sort(p[keep]), args["rtrunc"])
        out |= {"_truth": lambda path: true if path == "p" else None, "_coarse": true}
    return out


def rank_truncated(p: np.ndarray, rank: int) -> float:
    """Return P(product of the smallest ``rank`` p values ≤ observed), in 30 digits.

    Given the next p value t, the smallest are uniform below it, so that -log of their product over t^rank is a gamma
    variable of that shape (Vsevolozhskaya, Hu and Zaykin 2019, doi:10.3389/fgene.2019.01051).
    """
    from mpmath import mp, mpf

    with mp.workdps(30):
        w, k = mp.fprod([mpf(float(x)) for x in p[:rank]]), p.size
        edge = w ** (mpf(1) / rank)

        def below(t: Any) -> Any:
            tail = mp.gammainc(rank, rank * mp.log(t) - mp.log(w), regularized=True) if t > edge else mpf(1)
            return tail * t**rank * (1 - t) ** (k - rank - 1)

        return float(mp.quad(below, [0, edge, (edge + 1) / 2, 1]) / mp.beta(rank + 1, k - rank))


COARSE = 5e-3
"""R integrates the rank-truncated product over a thousand steps; with rank 1 both have the closed form 1 - (1 - p)^k,
which ours gives to 12 digits and R to 3 or 4 (1e-6 near 0)."""


def deviations(got: Any, expected: Any, hint: Any) -> Any:
    """Compare; ours must be the rank-truncated product in 30 digits, R's what its steps leave of it."""
    for path, g, e, relative, fine in judged(got, expected, hint):
        true = got.get("_coarse")
        if true is None or path != "p" or fine is False:
            yield path, g, e, relative, fine
            continue
        theirs, exact = expected["p"], abs(g - true) <= TRUST * true
        near = abs(theirs - true) <= COARSE * true + 1e-3
        yield path, g, theirs, relative, exact and near, "R's thousand steps; ours in 30 digits"
