"""Network meta-analysis."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import lamevidence as lam
from tests.conformance.runner import Unsupported

KNOWN = {"fn", "sm", "reference", "method.tau", "small.values", "level", "method"}


def _table(inputs: dict[str, Any]) -> lam.network.NetworkTable:
    """Rows without an estimate are left out, as R says in a warning."""
    usable = [i for i, (y, s) in enumerate(zip(inputs["TE"], inputs["seTE"], strict=True)) if y is not None and s]
    y, s, a, b, study = ([inputs[c][i] for i in usable] for c in ("TE", "seTE", "treat1", "treat2", "studlab"))
    return lam.network.NetworkTable(np.array(y), np.array(s) ** 2, a, b, [str(x) for x in study])


def _numbers(values: Any) -> Any:
    if isinstance(values, list):
        return [_numbers(v) for v in values]
    return None if not math.isfinite(values) else float(values)


def _list(values: Any) -> Any:
    return _numbers(np.asarray(values, dtype=float).tolist())


def _independent_tau2(table: lam.network.NetworkTable, method: str, reference: str | None) -> float:
    """τ² as netmeta estimates it from effects and standard errors alone: comparisons of a study of several arms
    with their common arm, errors taken as independent, random effects correlated by one half.

    The sampling covariances follow from the variances of the study's other comparisons, so this is not the
    likelihood of the network; `pool_network` uses them.
    """
    names, y, v, studies, rows = table.treatments, [], [], [], []
    for trial in table.trials:
        arms = [names[i] for i in trial.arms]
        base = reference if reference in arms else arms[-1]
        for i in trial.rows:
            if base in (table.first[i], table.second[i]):
                sign = 1.0 if table.second[i] == base else -1.0
                other = table.first[i] if sign > 0 else table.second[i]
                y.append(sign * table.yi[i])
                v.append(table.vi[i])
                studies.append(trial.study)
                rows.append([float(n == other) - float(n == base) for n in names[:-1]])
    same = np.array(studies)[:, None] == np.array(studies)
    flat = lam.EvidenceTable.from_estimates(y, vi=v, labels=[f"{i:06d}" for i in range(len(y))], studies=studies)
    fit = lam.multilevel(
        flat,
        random="1 | row",
        R={"row": 0.5 * same + 0.5 * np.eye(len(y))},
        moderators=np.array(rows),
        names=list(names[:-1]),
        tau2=method,
    )
    return float(fit.sigma2[0])


def _pool(table: lam.network.NetworkTable, args: dict[str, Any], model: str) -> lam.results.NetworkPooled:
    tau2: str | float | None = args.get("method.tau", "DL") if model == "random" else None
    if tau2 in ("REML", "ML") and any(len(trial.arms) > 2 for trial in table.trials):
        tau2 = _independent_tau2(table, str(tau2), args.get("reference"))
    level = args.get("level", 0.95)
    return lam.network.pool_network(table, model=model, tau2=tau2, reference=args.get("reference"), level=level)


def _matrices(fit: lam.results.NetworkPooled) -> dict[str, Any]:
    low, high = fit.pair_intervals()
    return {
        "TE": _list(fit.effects),
        "se": _list(fit.pair_se),
        "lower": _list(low),
        "upper": _list(high),
        "p": _list(fit.pair_p_values()),
    }


def _netmeta(table: lam.network.NetworkTable, args: dict[str, Any]) -> dict[str, Any]:
    common, random = (_pool(table, args, m) for m in ("common", "random"))
    parts = lam.network.design_inconsistency(common)
    low, high = random.pair_predictions()
    share_common, share_random = (lam.network.split_network(f)["share"].to_numpy() for f in (common, random))
    n = len(random.treatments)
    P = np.full((n, n), np.nan)
    P[np.triu_indices(n, 1)] = share_common
    P = np.where(np.isnan(P), P.T, P)

    p_values = [None if not math.isfinite(p) else p for p in parts.summary()["p_value"]]

    return {
        "trts": list(random.treatments),
        "common": _matrices(common),
        "random": _matrices(random),
        "predict": {"lower": _list(low), "upper": _list(high)},
        "Q": random.q,
        "df.Q": random.q_df,
        "pval.Q": p_values[0],
        "Q.heterogeneity": parts.q_within,
        "df.Q.heterogeneity": parts.df_within,
        "pval.Q.heterogeneity": p_values[1],
        "Q.inconsistency": parts.q_between,
        "df.Q.inconsistency": parts.df_between,
        "pval.Q.inconsistency": p_values[2],
        "tau2": random.tau2,
        "tau": math.sqrt(random.tau2),
        "I2": random.i2 / 100,
        "k": len(table.trials),
        "m": len(table.yi),
        "n": n,
        "P.common": _list(P),
        "prop.direct.common": _list(share_common),
        "prop.direct.random": _list(share_random),
    }


def _ranks(table: lam.network.NetworkTable, args: dict[str, Any]) -> dict[str, Any]:
    small = args.get("small.values", "desirable") in ("desirable", "good")
    fits = {m: _pool(table, args, m) for m in ("common", "random")}
    return {"order": list(table.treatments)} | {
        f"Pscore.{m}": list(fit.p_scores(small_is_good=small).values()) for m, fit in fits.items()
    }


def _split(table: lam.network.NetworkTable, args: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """In R's order and direction of comparisons."""
    out: dict[str, Any] = {"comparison": expected["comparison"]}
    for model in ("common", "random"):
        frame = lam.network.split_network(_pool(table, args, model))
        rows = {(a, b): i for i, (a, b) in enumerate(zip(frame["first"], frame["second"], strict=True))}
        wanted, signs = [], []
        for name in expected["comparison"]:
            pair = next(p for p in rows if name in (f"{p[0]}:{p[1]}", f"{p[1]}:{p[0]}"))
            wanted.append(rows[pair])
            signs.append(1.0 if name == f"{pair[0]}:{pair[1]}" else -1.0)
        frame = frame.iloc[wanted]
        out["k"] = frame["k"].tolist()
        out[f"prop.{model}"] = _list(frame["share"])
        for theirs, ours in (("direct", "direct"), ("indirect", "indirect"), ("compare", "difference")):
            out[f"{theirs}.{model}"] = {
                "TE": _list(frame[ours].to_numpy() * signs),
                "se": _list(frame[f"{ours}_se"]),
                "p": _list(frame[f"{ours}_p"]),
            }
    return out


def _designs(table: lam.network.NetworkTable, args: dict[str, Any]) -> dict[str, Any]:
    parts = lam.network.design_inconsistency(_pool(table, args, "common"))
    frame = parts.summary()
    three = frame.iloc[:3]
    return {
        "Q.decomp": {"Q": _list(three["q"]), "df": _list(three["df"]), "pval": _list(three["p_value"])},
        "Q.decomp.rows": ["Total", "Within designs", "Between designs"],
        "Q.inc.random": {
            "Q": [parts.q_between_random],
            "df": [parts.df_between],
            "pval": [float(frame["p_value"].iloc[3])],
            "tau.within": [math.sqrt(parts.tau2_within)],
        },
    }


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    args, expected = case["args"], case["expected"] or {}
    if unknown := set(args) - KNOWN:
        raise Unsupported(f"arguments of netmeta that are not offered: {', '.join(sorted(unknown))}")
    table = _table(inputs)
    kind = args["fn"].split()[0]
    if kind == "netmeta":
        return _netmeta(table, args)
    if kind == "netrank":
        return _ranks(table, args)
    if kind == "netsplit":
        return _split(table, args, expected)
    if kind == "decomp.design":
        return _designs(table, args)
    if kind == "netmeasures":
        frame = lam.network.network_paths(_pool(table, args, "random"))
        names = [f"{a}:{b}" for a, b in zip(frame["first"], frame["second"], strict=True)]
        return {
            "proportion": _list(frame["direct"]),
            "meanpath": _list(frame["mean_path"]),
            "minpar": _list(frame["parallelism"]),
            "names": names,
        }
    if kind == "netcontrib" and args.get("method", "shortest path") == "shortest path":
        out: dict[str, Any] = {}
        for model in ("common", "random"):
            frame = lam.network.network_contributions(_pool(table, args, model))
            out |= {"rows": list(frame.index), "cols": list(frame.columns), model: _list(frame.to_numpy())}
        return out
    raise Unsupported(f"{args['fn']} is not offered")
