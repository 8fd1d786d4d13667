"""Area ``escalc``: effect sizes and sampling variances, and conversions of reported statistics.

R ignores an option that a measure does not have (``vtype`` of the Peto odds ratio); ours refuses it, so the
adapter leaves it out exactly when the catalogue says that the measure does not know it.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import special

from lamevidence.effects.escalc import escalc
from lamevidence.effects.measures import MEASURES, Estimates
from lamevidence.effects.measures.cells import corrected_table
from lamevidence.effects.recovery import FiveNumbers, mean_sd_from_quantiles, se_from_ci, se_from_p, se_from_statistic
from lamevidence.foundation.errors import EvidenceWarning, InputError, OptionError
from tests.conformance.judge import deviations as judged
from tests.conformance.r_call import name_of, parse, settings, value
from tests.conformance.runner import Unsupported
from tests.oracles import effects_mp

__all__ = ["compute", "deviations"]

ALIASES = {"logHR from O-E and V": "HROE"}
RENAMED = {"HROE": {"OmE": "oei", "V": "vi"}}


def column(values: list[Any]) -> np.ndarray:
    return np.array([np.nan if v is None else v for v in values], dtype=float)


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    args = case["args"]
    if args.get("fn") == "conv.fivenum":
        return five_numbers(inputs, args)
    if args.get("fn") == "conv.wald":
        return wald(inputs, case)
    code = ALIASES.get(args["measure"], args["measure"])
    if code not in MEASURES:
        raise Unsupported(f"measure {code} is not offered: the formula behind R's sampling variance is not known to us")
    measure = MEASURES[code]
    names = RENAMED.get(code, {})
    data = {names.get(r, r): column(inputs[c]) for r, c in args["columns"].items()}
    data = {name: values for name, values in data.items() if used(measure, name)}
    options = {k: v for k, v in (args.get("options") or {}).items() if known(measure, k, v)}
    if "to" in measure.options:
        options = {"add": measure.numbers["add"], "to": "only0"} | options  # R corrects unless told otherwise
    try:
        result = escalc(code, **data, **options)
    except InputError as error:
        if "sampling variance" in str(error) and "negative" in str(error):
            raise Unsupported(f"{code}: a negative sampling variance is refused") from None
        raise
    if "to" in measure.options:
        result = with_formula(result, measure.estimate(aligned(data), **options))
    sei = np.sqrt(result.vi)
    with np.errstate(all="ignore"):
        zi = result.yi / sei
    z = special.ndtri(0.975)
    return {
        "yi": result.yi,
        "vi": result.vi,
        "sei": sei,
        "zi": zi,
        "pval": 2 * special.ndtr(-np.abs(zi)),
        "ci.lb": result.yi - z * sei,
        "ci.ub": result.yi + z * sei,
        "_truth": truth(code, data, options, result),
        "_gamma": gamma_rounding(data),
    }


def aligned(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return dict(zip(data, np.broadcast_arrays(*data.values()), strict=True))


def with_formula(door: Estimates, formula: Estimates) -> Estimates:
    """Return the formula's numbers, after checking that `escalc` gives them or NaN in both.

    R keeps an estimate whose variance is 0 or does not exist; all our doors say that there is none.
    """
    given = np.isfinite(door.yi)
    assert np.array_equal(door.yi[given], formula.yi[given])
    assert np.array_equal(door.vi[given], formula.vi[given])
    assert np.isnan(door.vi[~given]).all()
    return formula


def gamma_rounding(data: dict[str, np.ndarray]) -> float:
    """Return how well R knows Hedges' exact factor: a difference of two log-gammas, which loses digits as n grows."""
    sizes = [np.nanmax(data[n]) for n in ("ni", "n1i", "n2i") if n in data and np.isfinite(data[n]).any()]
    return float(4 * np.finfo(float).eps * special.gammaln(sum(sizes) / 2 + 2))


def deviations(got: Any, expected: Any, hint: Any) -> Iterator[tuple[str, Any, Any, float, bool]]:
    """Compare as `judge.deviations`, with the room that R's log-gammas need for standardised means."""
    room, yi = got.get("_gamma", 0.0), got.get("yi")
    for path, g, e, relative, fine in judged(got, expected, hint):
        if not fine and room and isinstance(g, float) and isinstance(e, float) and "[" in path:
            largest = max((abs(y) for y in yi if y == y), default=0.0)  # variances may rest on the average estimate
            wide = room * (abs(e) + (largest**2 if path.startswith("vi") else 0.0))
            fine = abs(g - e) <= wide
        yield path, g, e, relative, fine


def truth(code: str, data: dict[str, np.ndarray], options: dict[str, Any], result: Any) -> Any:
    """Return the judge of values that R finds by a loose search (tetrachoric) or a lossy series (₂F₁ near 1).

    What follows from yi and vi by arithmetic is judged with the 40-digit yi.
    """
    if code not in ("RTET", "ZTET", "UCOR"):
        return lambda path: None
    vtype = options.get("vtype", "LS")

    def table(i: int) -> tuple[float, ...]:
        rule = {"add": options.get("add", 0.0), "to": options.get("to", "only0"), "drop00": False}
        cells = corrected_table(data, rule)
        return tuple(float(cells[c][i]) for c in ("ai", "bi", "ci", "di"))

    def exact_rho(i: int) -> float:
        if min(table(i)) <= 0:
            return float("nan")
        near = float(result.yi[i]) * (-1 if options.get("flip") else 1)
        return effects_mp.tetrachoric_rho(*table(i), float(np.tanh(near)) if code == "ZTET" else near)

    def exact_yi(i: int) -> float:
        if code == "UCOR":
            return effects_mp.unbiased_correlation(data["ri"][i], data["ni"][i])
        rho = exact_rho(i) * (-1 if options.get("flip") else 1)
        return float(np.arctanh(rho)) if code == "ZTET" else rho

    def exact_vi(i: int) -> float:
        if code != "UCOR":
            rho = exact_rho(i)
            if np.isnan(rho):
                return rho
            vi = effects_mp.tetrachoric_variance(table(i), rho)
            return vi / (1 - rho**2) ** 2 if code == "ZTET" else vi
        if vtype == "UB":
            return effects_mp.unbiased_correlation_variance(data["ri"][i], data["ni"][i])
        sizes = data["ni"]
        known = [j for j in range(sizes.size) if np.isfinite(data["ri"][j])]
        rows = known if vtype == "AV" else [i]
        inside = sum(exact_yi(j) * sizes[j] for j in rows) / sum(sizes[j] for j in rows)
        return float((1 - inside**2) ** 2 / (sizes[i] - 1))

    def judge(path: str) -> float | None:
        key, _, rest = path.partition("[")
        i = int(rest.rstrip("]"))
        yi = exact_yi(i)
        vi = exact_vi(i)
        z, sei = float(special.ndtri(0.975)), vi**0.5
        return {
            "yi": yi,
            "vi": vi,
            "sei": sei,
            "zi": yi / sei,
            "pval": 2 * float(special.ndtr(-abs(yi / sei))),
            "ci.lb": yi - z * sei,
            "ci.ub": yi + z * sei,
        }.get(key)

    return judge


def used(measure: Any, name: str) -> bool:
    return any(name in way for way in (measure.needs, *measure.alternatives))


def known(measure: Any, option: str, value: Any) -> bool:
    return option in measure.numbers or value in measure.options.get(option, ())


def five_numbers(inputs: dict[str, Any], args: dict[str, Any]) -> dict[str, Any]:
    """One study at a time; R turns to Luo, Wan and Shi by itself when told log-normal."""
    log = args["dist"] == "lnorm"
    method = "luo/wan/shi" if log or args["method"] == "default" else args["method"]
    if method in ("bc", "mln"):
        raise Unsupported(f"R simulates {method}: its value is one of a random few")
    means, sds = [], []
    columns = (inputs[c] for c in ("min", "q1", "median", "q3", "max", "n"))
    for low, q1, median, q3, high, n in zip(*columns, strict=True):
        five = FiveNumbers(median, n, low, q1, q3, high)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", EvidenceWarning)
                found = mean_sd_from_quantiles(five, method, distribution="log-normal" if log else "normal")
        except OptionError:
            means.append(np.nan)
            sds.append(np.nan)
        else:
            means.append(found.mean)
            sds.append(found.sd)
    return {"mean": means, "sd": sds}


def wald(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Return estimates and variances from intervals, p values or z values, by the columns that the R call names.

    As in R, a p value overrides an interval, and a z value a p value.
    """
    given = settings(parse(case["call"]))
    extra = sorted(set(given) - {"out", "ci.lb", "ci.ub", "pval", "zval", "level", "transf", "data"})
    if extra or "out" not in given:
        raise Unsupported(f"conv.wald with {', '.join(extra) or 'no out'}")
    transf = ast.unparse(given["transf"]) if "transf" in given else "none"
    if transf not in ("none", "log"):
        raise Unsupported(f"conv.wald with transf={transf}")
    names = {name: name_of(node) for name, node in given.items() if isinstance(node, ast.Name)}
    rows = {name: column(inputs[c]) for name, c in names.items() if name != "data" and c in inputs}
    k = len(rows["out"])
    blank = np.full(k, np.nan)
    low, high, p, z = (rows.get(name, blank) for name in ("ci.lb", "ci.ub", "pval", "zval"))
    level = rows.get("level", np.full(k, float(value(given["level"], inputs, {})) if "level" in given else 95.0))
    yi = np.log(rows["out"]) if transf == "log" else rows["out"]
    sei = blank.copy()
    for i in range(k):
        if np.isfinite(z[i]):
            sei[i] = float(se_from_statistic(yi[i], z[i]))
        elif np.isfinite(p[i]):
            sei[i] = float(se_from_p(yi[i], p[i]))
        elif np.isfinite(low[i]) and np.isfinite(high[i]):
            share = level[i] / 100 if level[i] > 1 else 1 - level[i]
            sei[i] = float(se_from_ci(low[i], high[i], share, log=transf == "log"))
    return {"yi": yi, "vi": np.square(sei)}
