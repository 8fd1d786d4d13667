"""The other cases: dependent rows, groups, checks, networks, batches and posteriors."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.same_numbers import adapter as a
from tests.same_numbers.cases import RATES, TWO, Case, Make, complete, counts, inputs, plain, size


def with_columns(path: str, names: str) -> Make:
    """Return what makes a table with moderators, of the rows that have everything."""

    def make() -> Any:
        given = inputs(path)
        columns = {n: given[n] for n in names.split()}
        keep = [i for i in range(len(given["yi"])) if all(c[i] is not None for c in columns.values())]
        columns = {n: [c[i] for i in keep] for n, c in columns.items()}
        yi = [given["yi"][i] for i in keep]
        if "V" in given:
            return a.estimates(yi, V=np.array(given["V"], float)[np.ix_(keep, keep)], moderators=columns)
        return a.estimates(yi, [given["vi"][i] for i in keep], moderators=columns)

    return make


def dependent() -> Iterator[Case]:
    """Multilevel models and robust variances."""
    berkey = with_columns("rma_mv/berkey1998", "trial outcome year")
    konst = with_columns("rma_mv/konstantopoulos2011", "district school year")
    crossed = with_columns("rma_mv/konst_crossed_lehmann", "study es")
    bornmann = with_columns("rma_mv/bornmann2007", "study obs type")
    pair = with_columns("rma_mv/bcg_bivariate", "study group")
    inner, mean = "outcome | trial", "~ outcome - 1"
    for struct in ("UN", "CS", "DIAG", "ID", "HCS"):
        for method in ("REML", "ML"):
            options = {"random": inner, "struct": struct, "moderators": mean, "method": method}
            yield Case(f"multilevel/berkey1998/{struct} {method}", berkey, "multilevel", options)
    options = {"random": inner, "struct": "UN", "moderators": "~ outcome - 1 + outcome:year", "test": "t"}
    yield Case("multilevel/berkey1998/UN year", berkey, "multilevel", options)
    for method in ("REML", "ML"):
        for test, dfs in (("z", "residual"), ("t", "residual"), ("t", "contain")):
            options = {"random": "1 | district/school", "method": method, "test": test, "dfs": dfs}
            yield Case(f"multilevel/konstantopoulos2011/3 levels {method} {test} {dfs}", konst, "multilevel", options)
        options = {"random": "1 | district/school", "moderators": "~ year", "method": method}
        yield Case(f"multilevel/konstantopoulos2011/year {method}", konst, "multilevel", options)
        yield Case(
            f"multilevel/konstantopoulos2011/district {method}",
            konst,
            "multilevel",
            {"random": "1 | district", "method": method},
        )
        yield Case(
            f"multilevel/konstantopoulos2011/CS {method}",
            konst,
            "multilevel",
            {"random": "school | district", "struct": "CS", "method": method},
        )
        yield Case(
            f"multilevel/lehmann/3 levels {method}", crossed, "multilevel", {"random": "1 | study/es", "method": method}
        )
        yield Case(
            f"multilevel/bornmann2007/type {method}",
            bornmann,
            "multilevel",
            {"random": "1 | study/obs", "moderators": "~ type", "method": method},
        )
        yield Case(
            f"multilevel/bcg_bivariate/UN {method}",
            pair,
            "multilevel",
            {"random": "group | study", "struct": "UN", "moderators": "~ group", "method": method},
        )
    yield Case("multilevel/konstantopoulos2011/no random effects", konst, "multilevel", {"random": None}, True)
    three = {"random": "1 | district/school"}
    for kind in ("CR0", "CR1", "CR1p", "CR1S", "CR2", "CR3"):
        for extra in ({}, {"df": "z"}, {"df": "n-1"}):
            options = {**three, "cluster": "district", "robust": {"kind": kind, **extra}}
            yield Case(
                f"cluster_robust/konstantopoulos2011/{kind} {extra.get('df', '')}", konst, "cluster_robust", options
            )
        yield Case(
            f"cluster_robust/konstantopoulos2011/year {kind}",
            konst,
            "cluster_robust",
            {**three, "moderators": "~ year", "cluster": "district", "robust": {"kind": kind}},
        )
        yield Case(
            f"cluster_robust/lehmann/{kind}",
            crossed,
            "cluster_robust",
            {"random": "1 | study/es", "cluster": "study", "robust": {"kind": kind}},
        )
    for signs, seed in (("rademacher", 1), ("webb", 1), ("rademacher", None)):
        options = {**three, "cluster": "district", "robust": {"signs": signs, "seed": seed, "replicates": 499}}
        if seed is None:
            options["robust"] = {"replicates": 4096}
        yield Case(f"wild_bootstrap/konstantopoulos2011/{signs} {seed}", konst, "wild_bootstrap", options)
    for path, columns, moderators in (
        ("robumeta/konstantopoulos2011", "cluster", None),
        ("robumeta/konstantopoulos2011_year", "cluster year_c", "~ year_c"),
    ):
        make = with_columns(path, columns)
        for working in ("CORR", "HIER"):
            for small in (True, False):
                for rho in (0.8, 0.2) if working == "CORR" else (None,):
                    options = {"cluster": "cluster", "working": working, "small": small, "rho": rho}
                    yield Case(
                        f"robust_variance/{path[9:]}/{working} {small} {rho}",
                        make,
                        "robust_variance",
                        {**options, "moderators": moderators},
                        True,
                    )
    for data in ("bcg_or", "hine1989", "collins1985b", "raudenbush1985", "edge_bighet_a", "edge_k5hom_a", "edge_k3_a"):
        for df in (4.0, 1.0, "estimate"):
            for interval in ("profile", "z"):
                if interval == "profile" and data != "hine1989":
                    continue
                yield Case(
                    f"robust_random_effects/{data}/{df} {interval}",
                    plain(f"rma_uni/{data}"),
                    "robust_random_effects",
                    {"df": df, "interval": interval},
                )
    for data in ("bcg_ablat", "bangertdrowns2004_meta", "bangertdrowns2004_ni", "hackshaw1998"):
        path = f"rma_ls/{data}"
        scale = np.array(inputs(path)["Z"], float)
        location = np.array(inputs(path)["X"], float) if "X" in inputs(path) else None
        for method in ("REML", "ML"):
            for link in ("log", "identity"):
                options = {"scale": scale, "moderators": location, "link": link, "method": method}
                yield Case(f"location_scale/{data}/{method} {link}", plain(path), "location_scale", options)


GROUPED = (
    ("bcg_rr", "alloc"),
    ("collins1985a", "trt"),
    ("bangertdrowns2004", "grade"),
    ("hackshaw1998", "country"),
    ("linde2005", "group"),
    ("pignon2000", "grp"),
)


def groups() -> Iterator[Case]:
    """Subgroups."""
    fits: tuple[dict[str, Any], ...] = (
        {"model": "random"},
        {"model": "random", "tau2": "DL", "interval": "z"},
        {"model": "common"},
        {"model": "random", "tau2": "PM", "interval": "HKSJ"},
        {"common_tau2": True},
        {"common_tau2": True, "tau2": "DL", "interval": "z"},
    )
    for data, column in GROUPED:
        path = f"meta_metagen/{data}"
        labels = [str(x) for x in inputs(path)[column]]
        for options in fits:
            word = " ".join(str(x) for x in options.values())
            yield Case(f"subgroups/{data}/{word}", plain(path), "subgroups", {"by": labels, **options})
        yield Case(
            f"subgroups/{data}/halves", plain(path), "subgroups", {"by": ["ab"[i % 2] for i in range(size(path))]}
        )


FITS: tuple[dict[str, Any], ...] = (
    {"tau2": "REML", "interval": "z"},
    {"tau2": "DL", "interval": "HKSJ"},
    {"tau2": "ML", "interval": "t"},
    {"model": "common"},
)
REFITTED = ("bcg_or", "collins1985b", "edge_k2het_a", "edge_k5hom_a", "hine1989", "normand1999_smd", "raudenbush1985")


def spelled(options: dict[str, Any]) -> str:
    """Return options as words."""
    return " ".join(str(x) for x in options.values() if not isinstance(x, np.ndarray | list))


def refits() -> Iterator[Case]:
    """What removes or adds rows, residuals, and permutations."""
    for data in REFITTED:
        path = f"rma_uni/{data}"
        for options in FITS:
            closed = options.get("tau2") == "DL" or options.get("model") == "common"
            for word in ("leave_one_out", "influence", "residuals", "shrinkage"):
                if word == "shrinkage" and "model" in options:
                    continue
                yield Case(f"{word}/{data}/{spelled(options)}", plain(path), word, options, closed)
            for order in (None, "precision"):
                yield Case(
                    f"cumulative/{data}/{spelled(options)} {order}",
                    plain(path),
                    "cumulative",
                    {"check": {"order": order}, **options},
                    closed,
                )
    for data in ("bcg_rr", "raudenbush1985", "collins1985b"):
        for word, design in inputs(f"rma_uni/{data}")["designs"].items():
            X = np.array(design["X"], float)
            for check in ("influence", "residuals"):
                yield Case(
                    f"{check}/{data}/design {word}", plain(f"rma_uni/{data}"), check, {"moderators": X, "tau2": "DL"}
                )
    for data, exact in (("hine1989", True), ("edge_k5hom_a", True), ("collins1985b", True), ("bcg_rr", False)):
        for interval in ("z", "HKSJ"):
            check = {"exact": True} if exact else {"exact": False, "permutations": 300, "seed": 7}
            yield Case(
                f"permutation_test/{data}/{interval}",
                plain(f"rma_uni/{data}"),
                "permutation_test",
                {"check": check, "interval": interval, "tau2": "DL"},
                True,
            )
    X = np.array(inputs("rma_uni/bcg_rr")["designs"]["ablat"]["X"], float)
    yield Case(
        "permutation_test/bcg_rr/ablat",
        plain("rma_uni/bcg_rr"),
        "permutation_test",
        {"check": {"exact": False, "permutations": 200, "seed": 3}, "moderators": X, "tau2": "DL"},
        True,
    )


P_OPTIONS: dict[str, dict[str, Any]] = {
    "invchisq": {"df": 4.0},
    "invt": {"df": 4.0},
    "wilkinson": {"rank": 2},
    "rank-truncated": {"rank": 2},
    "truncated": {"threshold": 0.1},
    "votes": {"threshold": 0.5},
}


def bias() -> Iterator[Case]:
    """Small-study effects and selection."""
    sets = ("bcg_or", "collins1985b", "hine1989", "normand1999_smd", "raudenbush1985", "viechtbauer2021", "edge_k3_a")
    for data in sets:
        path = f"rma_uni/{data}"
        n = {"n": [10.0 * i + 20 for i in range(size(path))]}
        make = plain(path, **n)
        for code in ("egger-lm", "egger-rma", "thompson", "macaskill", "begg", "begg-normal"):
            for options in FITS[:2]:
                yield Case(
                    f"small_study_test/{data}/{code} {spelled(options)}",
                    make,
                    "small_study_test",
                    {"code": code, **options},
                    options["tau2"] == "DL",
                )
        for predictor in ("sei", "vi", "ni", "ninv", "sqrtninv"):
            yield Case(
                f"small_study_test/{data}/egger-rma {predictor}",
                make,
                "small_study_test",
                {"code": "egger-rma", "predictor": predictor, "tau2": "DL", "interval": "z"},
                True,
            )
        yield Case(f"egger_test/{data}/plain", make, "egger_test", {"tau2": "DL"}, True)
        yield Case(f"pet_peese/{data}/plain", make, "pet_peese", {"tau2": "DL"}, True)
        for estimator in ("L0", "R0", "Q0"):
            for side in (None, "left", "right"):
                yield Case(
                    f"trim_and_fill/{data}/{estimator} {side}",
                    make,
                    "trim_and_fill",
                    {"check": {"estimator": estimator, "side": side}, "tau2": "DL", "interval": "z"},
                    True,
                )
        for kind in ("Rosenthal", "Orwin", "Rosenberg", "General"):
            yield Case(
                f"fail_safe_n/{data}/{kind}",
                make,
                "fail_safe_n",
                {"check": {"kind": kind}, "tau2": "DL", "interval": "z"},
            )
        for test in ("exact", "chi2", "binomial"):
            yield Case(
                f"excess_significance/{data}/{test}",
                make,
                "excess_significance",
                {"check": {"test": test}, "tau2": "DL", "interval": "z"},
            )
    for data in ("bcg", "hine1989", "edge_zerocells_a", "li2007"):
        for code in ("harbord", "peters", "deeks", "schwarzer", "macaskill"):
            options = {"code": code, "model": "random", "tau2": "DL", "interval": "z"}
            yield Case(
                f"small_study_test/{data} counts/{code}",
                counts(f"mh_peto/{data}", "OR", TWO, add=0.5, to="only0"),
                "small_study_test",
                options,
                True,
            )
    smd = counts("escalc/dat.normand1999", "SMD", "m1i sd1i n1i m2i sd2i n2i")
    yield Case(
        "small_study_test/normand1999/pustejovsky",
        smd,
        "small_study_test",
        {"code": "pustejovsky", "tau2": "DL", "interval": "z"},
        True,
    )
    for data in ("bcg_rr", "raudenbush1985", "normand1999_smd"):
        for code in ("stepfun", "beta", "halfnorm", "negexp", "logistic", "power"):
            for side in ("less", "greater"):
                check = {"alternative": side} | ({"steps": [0.025]} if code == "stepfun" else {})
                yield Case(
                    f"selection_model/{data}/{code} {side}",
                    plain(f"selmodel/{data}"),
                    "selection_model",
                    {"code": code, "check": check, "tau2": "ML", "interval": "z"},
                )
    for data in ("edge_pvalues_a", "edge_pvalues_c"):
        p = inputs(f"pvalues/{data}")["p"]
        for code in (
            "fisher",
            "stouffer",
            "meanz",
            "edgington",
            "meanp",
            "tippett",
            "maximum",
            "wilkinson",
            "logit",
            "invchisq",
            "invt",
            "truncated",
            "rank-truncated",
            "votes",
        ):
            more = P_OPTIONS.get(code, {})
            yield Case(
                f"combine_p_values/{data}/{code}",
                functools.partial(list, p),
                "combine_p_values",
                {"code": code, **more},
                True,
            )


def networks() -> Iterator[Case]:
    """Networks of treatments."""

    def make(data: str) -> Any:
        given = inputs(f"netmeta/{data}")
        rows = [i for i, (y, s) in enumerate(zip(given["TE"], given["seTE"], strict=True)) if y is not None and s]
        y, s, first, second, study = (
            [given[c][i] for i in rows] for c in ("TE", "seTE", "treat1", "treat2", "studlab")
        )
        return a.network_of(y, np.array(s) ** 2, first, second, [str(x) for x in study])

    for data in ("senn2013", "pagliaro1992", "linde2015", "baker2009"):
        table = functools.partial(make, data)
        yield Case(f"network/{data}/common", table, "network", {"model": "common"}, True)
        for tau2 in ("REML", "ML", "DL", 0.1):
            yield Case(f"network/{data}/random {tau2}", table, "network", {"tau2": tau2}, tau2 == "DL")
        yield Case(f"network/{data}/90%", table, "network", {"tau2": "DL", "level": 0.9}, True)
        for word, options in (("common", {"model": "common"}), ("random", {"tau2": "DL"})):
            yield Case(f"network_checks/{data}/{word}", table, "network_checks", options, True)
    for measure in ("OR", "RR", "RD"):
        for add in (0.0, 0.5):
            options = {"measure": measure, "columns": {"events": "events", "total": "total", "add": add}}
            yield Case(f"network_arms/bcg/{measure} {add}", arms, "network_arms", {**options, "tau2": "DL"}, True)


def arms() -> Any:
    """Return a made-up network of three treatments, one row an arm, from a data set of two."""
    import pandas as pd

    given = complete("mh_peto/bcg", TWO.split())
    rows = [
        {"study": f"s{i}", "treatment": "ABC"[(i + arm) % 3], "events": given[e][i], "total": given[n][i]}
        for i in range(given["ai"].size)
        for arm, (e, n) in enumerate((("ai", "n1i"), ("ci", "n2i")))
    ]
    return pd.DataFrame(rows)


def batches() -> Iterator[Case]:
    """Many data sets at once: all that have nine studies, and one with absent studies."""

    def make() -> Any:
        names = ("collins1985b", "nielweise2008", "normand1999_smd", "bonett2010")
        yi = np.array([inputs(f"rma_uni/{n}")["yi"] for n in names], float)
        vi = np.array([inputs(f"rma_uni/{n}")["vi"] for n in names], float)
        short = np.where(np.arange(9) < 6, vi[0], np.inf)
        return np.vstack([yi, yi[:1]]), np.vstack([vi, short])

    for tau2 in ("DL", "HE", "HS", "HSk", "SJ", "DL2", "CA2", "PM", "PMM", "ML", "REML", 0.1):
        for interval in ("HKSJ", "z", "t"):
            yield Case(
                f"pool_many/nine studies/{tau2} {interval}",
                make,
                "pool_many",
                {"tau2": tau2, "interval": interval},
                tau2 in ("DL", "HE", "HS", "HSk", "SJ", "DL2", "CA2", 0.1),
            )


TAU_PRIORS = (
    ("HalfNormal", 0.5),
    ("HalfCauchy", 0.5),
    ("HalfStudentT", 4.0, 0.5),
    ("LogNormal", -1.0, 0.8),
    ("Exponential", 0.4),
    ("HalfLogistic", 0.3),
    ("Lomax", 2.0, 0.5),
    ("InverseChi", 3.0, 0.5),
    ("InverseGamma", 2.0, 0.5),
    ("Rayleigh", 0.5),
    ("Uniform", 3.0),
    ("LogStudentT", 4.0, -1.0, 0.8),
    ("Conventional",),
    ("DuMouchel",),
    ("UniformShrinkage",),
    ("UniformI2",),
    ("Jeffreys",),
    ("OverallJeffreys",),
    ("BergerDeely",),
    ("FlatSqrt",),
)


def bayes() -> Iterator[Case]:
    """Exact posteriors."""
    weak = ("Normal", 0.0, 4.0)
    for data in ("edge_k2het_a", "edge_k3_a", "edge_k5hom_a", "hine1989", "bcg_or", "raudenbush1985"):
        path = f"rma_uni/{data}"
        for tau in TAU_PRIORS:
            mu = ("Flat",) if tau[0] in ("Jeffreys", "HalfLogistic", "DuMouchel") else weak
            yield Case(
                f"pool_bayes/{data}/{tau[0]} {mu[0]}",
                plain(path),
                "pool_bayes",
                {"mu": mu, "tau": tau, "likelihood": "normal", "loo": tau[0] in ("HalfNormal", "LogNormal")},
            )
        sized = plain(path, n=[4.0 + 3 * i for i in range(size(path))])
        yield Case(
            f"pool_bayes/{data}/t likelihood",
            sized,
            "pool_bayes",
            {"mu": weak, "tau": ("HalfNormal", 0.5), "likelihood": "t", "loo": True},
        )
        yield Case(
            f"pool_bayes/{data}/StudentT mean",
            plain(path),
            "pool_bayes",
            {"mu": ("StudentT", 4.0, 0.0, 2.0), "tau": ("HalfNormal", 0.5), "likelihood": "normal"},
        )
    X = np.array(inputs("rma_uni/bcg_or")["designs"]["ablat"]["X"], float)
    X[:, 1] -= X[:, 1].mean()
    yield Case(
        "pool_bayes/bcg_or/moderator",
        plain("rma_uni/bcg_or"),
        "pool_bayes",
        {"moderators": X, "tau": ("HalfNormal", 0.5), "mu": weak, "likelihood": "normal"},
    )
    given = {"mu": weak, "tau": ("HalfNormal", 0.5)}
    for data in ("hine1989", "edge_zerocells_a", "collins1985b"):
        yield Case(
            f"pool_bayes/{data}/hypergeometric",
            counts(f"glmm/{data}", "OR", TWO),
            "pool_bayes",
            {**given, "loo": data == "hine1989"},
        )
    for data in ("edge_persontime_a", "nielweise2008_irr"):
        yield Case(
            f"pool_bayes/{data}/conditional binomial",
            counts(f"glmm/{data}", "IRR", RATES),
            "pool_bayes",
            {**given, "loo": True},
        )
    for data, measure, names in (
        ("edge_proportions_a_plo", "PLO", "xi ni"),
        ("debruin2009_plo", "PLO", "xi ni"),
        ("nielweise2008_irln", "IRLN", "xi ti"),
    ):
        make = counts(f"glmm/{data}", measure, names)
        yield Case(f"pool_bayes/{data}/{measure}", make, "pool_bayes", {**given, "loo": True})
        yield Case(
            f"pool_bayes/{data}/{measure} HalfCauchy",
            make,
            "pool_bayes",
            {"mu": ("Normal", -1.0, 2.0), "tau": ("HalfCauchy", 0.5)},
        )
