"""Mantel-Haenszel and Peto: printed values, laws, refusals."""

import math

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.foundation.errors import DependentRows, InputError, NotEstimable, OptionError, TooFewStudies
from lamevidence.pooling.counts import mantel_haenszel, peto

BCG = {
    "ai": [4, 6, 3, 62, 33, 180, 8, 505, 29, 17, 186, 5, 27],
    "n1i": [123, 306, 231, 13598, 5069, 1541, 2545, 88391, 7499, 1716, 50634, 2498, 16913],
    "ci": [11, 29, 11, 248, 47, 372, 10, 499, 45, 65, 141, 3, 29],
    "n2i": [139, 303, 220, 12867, 5808, 1451, 629, 88391, 7277, 1665, 27338, 2341, 17854],
}
RATES = {
    "x1i": [7, 8, 3, 6, 1, 1, 17, 3, 2],
    "t1i": [1344, 1600, 12012, 1536, 370, 729, 6760, 1107, 320],
    "x2i": [11, 8, 14, 10, 1, 8, 15, 7, 3],
    "t2i": [1988, 1461, 10962, 1503, 483, 913, 6840, 1015, 440],
}


def table(counts, measure, studies=None):
    k = len(next(iter(counts.values())))
    names = tuple(str(i) for i in range(k))
    nothing = np.full(k, math.nan)
    return EvidenceTable(
        yi=nothing,
        vi=nothing,
        labels=names,
        studies=studies or names,
        measure=measure,
        unit=None,
        counts={n: np.array(c, float) for n, c in counts.items()},
    )


@pytest.mark.parametrize(
    ("counts", "measure", "mu", "se", "digits"),
    [
        (BCG, "RR", -0.4537096, 0.0393374, 7),
        (BCG, "OR", -0.4734110, 0.0410078, 7),
        (RATES, "IRR", -0.4152, 0.1834, 4),
        (RATES, "IRD", -0.00099250, 0.00043557, 8),
    ],
)
def test_published_mantel_haenszel(counts, measure, mu, se, digits):
    fit = mantel_haenszel(table(counts, measure))
    assert fit.mu == pytest.approx(mu, abs=0.6 * 10**-digits)
    assert fit.se == pytest.approx(se, abs=0.6 * 10**-digits)


def test_published_peto():
    fit = peto(table(BCG, "PETO"))
    assert fit.mu == pytest.approx(-0.4744463, abs=6e-8)
    assert fit.se == pytest.approx(0.0406591, abs=6e-8)


def test_swapped_arms_flip_the_ratio():
    swapped = {"ai": BCG["ci"], "n1i": BCG["n2i"], "ci": BCG["ai"], "n2i": BCG["n1i"]}
    for measure in ("OR", "RR", "RD"):
        one, other = mantel_haenszel(table(BCG, measure)), mantel_haenszel(table(swapped, measure))
        assert one.mu == pytest.approx(-other.mu, rel=1e-12)
        assert one.se == pytest.approx(other.se, rel=1e-12)


def test_double_zero_study_changes_nothing_and_is_said():
    grown = {name: [*values, extra] for (name, values), extra in zip(BCG.items(), (0, 50, 0, 60), strict=True)}
    fit, plain = mantel_haenszel(table(grown, "OR")), mantel_haenszel(table(BCG, "OR"))
    assert fit.mu == pytest.approx(plain.mu, rel=1e-14)
    assert "1 of 14 studies without events" in fit.notes[0]
    assert fit.weights[-1] == 0


def test_odds_ratio_of_one_has_a_breslow_day_test():
    fit = mantel_haenszel(table({"ai": [10, 20], "n1i": [50, 90], "ci": [10, 20], "n2i": [50, 90]}, "OR"))
    assert fit.mu == 0
    assert fit.homogeneity.bd == pytest.approx(0, abs=1e-20)


def test_refusals():
    with pytest.raises(NotEstimable, match="infinite"):
        mantel_haenszel(table({"ai": [0, 0], "n1i": [10, 10], "ci": [1, 2], "n2i": [10, 10]}, "OR"))
    with pytest.raises(InputError, match="more events than n1i"):
        mantel_haenszel(table({"ai": [11], "n1i": [10], "ci": [1], "n2i": [10]}, "OR"))
    with pytest.raises(InputError, match="finite count"):
        mantel_haenszel(table({"ai": [math.nan], "n1i": [10], "ci": [1], "n2i": [10]}, "OR"))
    with pytest.raises(OptionError, match="choices: OR, RR, RD, IRR, IRD"):
        mantel_haenszel(table(BCG, "SMD"))
    with pytest.raises(OptionError, match="choices: none, only0"):
        mantel_haenszel(table(BCG, "OR"), to="some")
    with pytest.raises(OptionError, match="needs the counts ai, n1i, ci, n2i"):
        mantel_haenszel(table(RATES, "OR"))
    with pytest.raises(OptionError, match="greenland-robins"):
        mantel_haenszel(table(BCG, "RD"), variance="nonsense")
    with pytest.raises(DependentRows):
        mantel_haenszel(table(BCG, "OR", studies=("a",) * 13))
    with pytest.raises(TooFewStudies):
        mantel_haenszel(table({name: [] for name in BCG}, "OR"))


def test_pool_routes_to_the_model():
    fit = lam.pool(table(BCG, "OR"), model="mh", level=0.9)
    assert fit.interval().width == pytest.approx(2 * 1.6448536269514722 * fit.se)
    with pytest.raises(NotEstimable, match="common-effect model"):
        fit.prediction()
    assert fit.display().estimate == pytest.approx(math.exp(fit.mu))
    assert {"mu", "se", "weights", "spec"} <= set(fit.to_json())
    with pytest.raises(OptionError):
        lam.pool(table(BCG, "OR"), model="mh", tau2="REML")


@pytest.mark.parametrize(
    ("counts", "measure", "fit"),
    [
        ({"xi": [5, 3], "ni": [4, 9]}, "PLO", lam.counts.beta_binomial),
        ({"xi": [5, 3], "ti": [0.0, 9.0]}, "IRLN", lam.counts.gamma_poisson),
    ],
)
def test_mixtures_refuse_impossible_counts(counts, measure, fit):
    with pytest.raises(InputError):
        fit(table(counts, measure))
