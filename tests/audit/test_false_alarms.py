"""Clean synthetic trials: simulated patients, analysed by the usual tests, printed as papers print; few are doubted.

``python -m tests.audit.test_false_alarms N`` prints what is doubted in N of them.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lamevidence.audit import audit, audit_study
from tests.audit.build import Finding, Raw, continuous, contrast, dichotomous, paired, rate, read, record

ORGANS = ("cardiac-general", "auditory-ear", "ocular-visual", "metabolic-laboratory", "hepatobiliary-pancreatic")
SEED = 20261130


def printed_p(p: float) -> dict[str, str]:
    """Return a p value as journals print it."""
    if p < 0.001:
        return {"less_than": "0.001"}
    return {"value": f"{p:.3f}" if p < 0.01 else f"{p:.2f}"}


def simulate(seed: int) -> str:
    """Return the record of one simulated trial."""
    rng = np.random.default_rng(seed)
    sizes = {"placebo": int(rng.integers(12, 90)), "sirolimus": int(rng.integers(12, 90))}
    arms = {arm: patients(rng, n, arm) for arm, n in sizes.items()}
    total = sum(sizes.values())
    out: list[Finding] = []
    for name, draw in (("age", "year"), ("fev1", "mL"), ("fvc", "mL")):
        digits = 1 if name == "age" else 0
        every = np.concatenate([arms[a][name] for a in sizes])
        out.append(spread(f"{name}.all", name, "all", every, draw, digits, phase="baseline", span=(0, 0)))
        for arm in sizes:
            more: dict[str, Any] = {}
            if arm == "sirolimus":
                more["p_between"] = between(rng, arms, name, f"{name}.placebo")
            out.append(
                spread(f"{name}.{arm}", name, arm, arms[arm][name], draw, digits, phase="baseline", span=(0, 0), **more)
            )
    ratios = {arm: data["fev1"] / data["fvc"] for arm, data in arms.items()}
    for arm in sizes:
        out.append(spread(f"ratio.{arm}", "fev1_fvc", arm, ratios[arm], "ratio", 2, phase="baseline", span=(0, 0)))
    changes(rng, arms, out)
    slopes(rng, arms, out)
    counts(rng, sizes, out)
    return record(*out, identity=f"doe-{seed}", enrolled=total, arms=sizes)


def patients(rng: np.random.Generator, n: int, arm: str) -> dict[str, np.ndarray]:
    """Simulate an arm."""
    fvc = rng.normal(2800, 650, n).clip(900)
    fev1 = (fvc * rng.normal(0.5, 0.1, n).clip(0.2, 0.85)).clip(300)
    effect = 150 if arm == "sirolimus" else 0
    return {
        "age": rng.normal(45, 10, n).clip(18, 80),
        "fev1": fev1,
        "fvc": fvc,
        "change": rng.normal(effect - 130, 180, n),
        "slope": rng.normal(effect / 12 - 11, 14, n),
        "before": rng.normal(-12, 14, n),
    }


def spread(identity, outcome, arm, sample, unit, digits, **more) -> Finding:
    """A mean with its SD."""
    sd = ("sd", f"{sample.std(ddof=1):.{digits}f}")
    return continuous(identity, outcome, arm, f"{sample.mean():.{digits}f}", unit, sd, len(sample), **more)


def between(rng, arms, name, against) -> dict[str, str]:
    """A p value between the arms by Welch's, Student's or Wilcoxon's test."""
    one, other = arms["sirolimus"][name], arms["placebo"][name]
    which = rng.integers(3)
    if which == 2:
        return {**printed_p(stats.mannwhitneyu(one, other).pvalue), "test": "Wilcoxon rank-sum", "against": against}
    p = stats.ttest_ind(one, other, equal_var=bool(which)).pvalue
    return {**printed_p(p), "test": "t test", "against": against}


def changes(rng, arms, out) -> None:
    """Changes of FEV1 in completers, their levels at the end, the difference with its interval."""
    means, errors = {}, {}
    for arm in ("placebo", "sirolimus"):
        data = arms[arm]
        stay = np.sort(rng.permutation(len(data["fev1"]))[: max(8, int(0.85 * len(data["fev1"])))])
        moved, start = data["change"][stay], data["fev1"][stay]
        out.append(spread(f"end.{arm}", "fev1", arm, start + moved, "mL", 0, span=(12, 12)))
        more: dict[str, Any] = {"p": printed_p(stats.ttest_1samp(moved, 0).pvalue)}
        means[arm], errors[arm] = moved, stats.sem(moved)
        if arm == "sirolimus":
            p = stats.ttest_ind(moved, means["placebo"], equal_var=bool(rng.integers(2))).pvalue
            more["p_between"] = {**printed_p(p), "against": "change.placebo"}
        out.append(
            spread(f"change.{arm}", "fev1_change", arm, moved, "mL", 0, statistic="change", span=(0, 12), **more)
        )
    gap = means["sirolimus"].mean() - means["placebo"].mean()
    se = float(np.hypot(*errors.values()))
    ends = [f"{gap + s * 1.96 * se:.0f}" for s in (-1, 1)]
    out.append(contrast("difference", "fev1_change", f"{gap:.0f}", "mL", span=(0, 12), spread=("ci", *ends)))


def slopes(rng, arms, out) -> None:
    """Slopes with SE, and before and on treatment in the same patients."""
    for arm in ("placebo", "sirolimus"):
        sample = arms[arm]["slope"]
        n = len(sample)
        more: dict[str, Any] = {"p": printed_p(stats.ttest_1samp(sample, 0).pvalue)}
        if arm == "sirolimus":
            p = stats.ttest_ind(sample, arms["placebo"]["slope"]).pvalue
            more["p_between"] = {**printed_p(p), "against": "slope.placebo", "test": "mixed model"}
        value, se = f"{sample.mean():.1f}", f"{stats.sem(sample):.1f}"
        out.append(
            continuous(
                f"slope.{arm}",
                "fev1_slope",
                arm,
                value,
                "mL/month",
                ("se", se),
                n,
                statistic="slope",
                span=(0, 12),
                **more,
            )
        )
    data = arms["sirolimus"]
    n, r = len(data["slope"]), rng.uniform(-0.2, 0.7)
    before = r * (data["slope"] - data["slope"].mean()) + np.sqrt(1 - r * r) * data["before"]
    out.append(
        continuous(
            "pre",
            "fvc_slope",
            "sirolimus",
            f"{before.mean():.2f}",
            "mL/month",
            ("sd", f"{before.std(ddof=1):.2f}"),
            n,
            statistic="slope",
            phase="pre_treatment",
        )
    )
    on = data["slope"]
    out.append(
        continuous(
            "on",
            "fvc_slope",
            "sirolimus",
            f"{on.mean():.2f}",
            "mL/month",
            ("sd", f"{on.std(ddof=1):.2f}"),
            n,
            statistic="slope",
        )
    )
    p = stats.ttest_rel(on, before).pvalue
    if p >= 0.001:
        out.append(paired("pair", "fvc_slope", "sirolimus", "pre", "on", f"{p:.3f}", n))


def counts(rng, sizes, out) -> None:
    """Responses with a test, a percentage and an interval; events by organ with their total."""
    affected = {arm: int(rng.binomial(n, 0.4 if arm == "sirolimus" else 0.2)) for arm, n in sizes.items()}
    table = [[affected[a], sizes[a] - affected[a]] for a in ("sirolimus", "placebo")]
    for arm, n in sizes.items():
        x, more = affected[arm], {}
        if arm == "sirolimus" and sum(affected.values()):
            exact = bool(rng.integers(2))
            p = stats.fisher_exact(table)[1] if exact else stats.chi2_contingency(table, correction=False)[1]
            more["p_between"] = {**printed_p(p), "against": "response.placebo", "test": "Fisher exact" if exact else ""}
        method = ("wilson", "exact", "wilsoncc")[rng.integers(3)]
        ci = stats.binomtest(x, n).proportion_ci(0.95, method)
        interval = (f"{100 * ci.low:.1f}", f"{100 * ci.high:.1f}")
        digits = int(rng.integers(2))
        out.append(
            dichotomous(
                f"response.{arm}",
                "aml_response",
                arm,
                x,
                n,
                interval=interval,
                percent=raw(100 * x / n, digits),
                **more,
            )
        )
        events = rng.poisson(n * np.array([0.1, 0.4, 0.05, 1.0, 0.3]))
        for organ, e in zip(ORGANS, events, strict=True):
            out.append(rate(f"ae.{organ}.{arm}", "adverse_event", arm, int(e), n=n, category=organ, span=(0, 12)))
        out.append(rate(f"ae.all.{arm}", "adverse_event", arm, int(events.sum()), n=n, category="all", span=(0, 12)))


def raw(value: float, digits: int):
    """Digits as printed, rounded half up."""
    return Raw(f"{np.floor(value * 10**digits + 0.5) / 10**digits:.{digits}f}")


def doubted(count: int, seed: int = SEED) -> tuple[int, Counter[str], list[str]]:
    """Return how many of the records are doubted, by which codes, and what is said."""
    alarms, codes, said = 0, Counter[str](), []
    for i in range(count):
        registry = read(simulate(seed + i), others=True)
        found = audit_of(registry, f"records/doe-{seed + i}.yaml")
        alarms += bool(found)
        codes.update(p.code for p in found)
        said += [f"{p.code} {p.message}" for p in found]
    return alarms, codes, said


def audit_of(registry, path):
    """Return the doubts of one record among the others."""
    study = next(s for s in registry.studies if s.path == path)
    return list(audit_study(study, registry))


@pytest.mark.slow
def test_false_alarms_of_clean_records():
    alarms, codes, said = doubted(150)
    assert alarms / 150 <= 1 / 15, (alarms, codes, said[:10])


def test_a_clean_record_is_clean():
    registry = read(simulate(SEED))
    assert [f"{p.code} {p.message}" for p in audit(registry)] == []


if __name__ == "__main__":
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else 150
    number, by_code, messages = doubted(asked)
    print(f"{number} of {asked} records doubted", dict(by_code))
    print("\n".join(messages))
