"""One-stage models: published fits, edge cases, options, the shared surface."""

import json
import math

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.foundation.errors import DependentRows, InputError, NotEstimable, OptionError, TooFewStudies
from lamevidence.pooling.counts import beta_binomial, gamma_poisson, glmm

RATES = {
    "x1i": [7, 8, 3, 6, 1, 1, 17, 3, 2],
    "t1i": [1344, 1600, 12012, 1536, 370, 729, 6760, 1107, 320],
    "x2i": [11, 8, 14, 10, 1, 8, 15, 7, 3],
    "t2i": [1988, 1461, 10962, 1503, 483, 913, 6840, 1015, 440],
}
PRITZ = {
    "xi": [16, 10, 4, 43, 10, 25, 13, 12, 22, 4, 5, 18, 58, 6],
    "ni": [17, 12, 8, 58, 10, 42, 14, 12, 41, 5, 6, 23, 68, 10],
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
    ("model", "mu", "se", "tau2"),
    [
        ("CM.EL", -0.4762, 0.2377, 0.1226),
        ("UM.FS", -0.4587, 0.2248, 0.0956),
        ("UM.RS", -0.4676, None, 0.0912),
    ],
)
def test_published_rate_ratios(model, mu, se, tau2):
    fit = glmm(table(RATES, "IRR"), model=model, nagq=1 if model == "UM.RS" else 7)
    assert fit.mu == pytest.approx(mu, abs=3e-4)
    assert fit.tau2 == pytest.approx(tau2, abs=3e-3)
    if se is not None:
        assert fit.se == pytest.approx(se, abs=6e-5)


def test_published_proportion():
    fit = glmm(table(PRITZ, "PLO"), nagq=7)
    assert fit.mu == pytest.approx(1.376604, abs=1e-5)  # lme4 stops at 1e-5
    assert fit.se == pytest.approx(0.2883872, abs=2e-5)
    assert fit.tau2 == pytest.approx(0.5893309, abs=2e-5)
    assert fit.display().estimate == pytest.approx(79.84, abs=5e-3)
    assert fit.to_json()["transformed"]["estimate"] == fit.display().estimate / 100
    assert fit.to_json()["marginal"] == fit.marginal() < fit.display().estimate / 100


def test_zero_heavy_toy_sets():
    fit = glmm(table({"xi": [0, 0, 3, 1, 0], "ni": [10, 12, 30, 18, 22]}, "PLO"))
    assert (fit.mu, fit.se, fit.tau2) == pytest.approx((-3.17231, 0.77074, 0.11866), abs=3e-4)
    rate = glmm(table({"xi": [0, 0, 3, 1, 0], "ti": [10, 24, 60, 36, 44]}, "IRLN"))
    assert (rate.mu, rate.se, rate.tau2) == pytest.approx((-3.7780985, 0.6878678, 0.00713), abs=3e-4)


def test_no_events_at_all_gives_the_exact_bound():
    fit = glmm(table({"xi": [0, 0, 0], "ni": [10, 12, 8]}, "PLO"))
    assert fit.mu == -math.inf
    assert fit.display().interval == pytest.approx([0, 11.57033], abs=1e-5)
    with pytest.raises(NotEstimable, match="how much studies differ"):
        fit.prediction()
    assert "exact" in fit.notes[0]
    rate = glmm(table({"xi": [0, 0], "ti": [60.0, 40.0]}, "IRLN"))
    assert rate.display().interval == pytest.approx([0, 0.03688879], abs=1e-8)
    json.dumps(fit.to_json(), allow_nan=False)
    fit.alternatives()


def test_one_study_is_reported_with_its_exact_interval():
    fit = glmm(table({"xi": [3], "ni": [15]}, "PLO"))
    assert fit.display().estimate == pytest.approx(20)
    assert fit.display().interval == pytest.approx([4.33, 48.09], abs=5e-3)
    json.dumps(fit.to_json(), allow_nan=False)


def test_equal_studies_have_no_heterogeneity_and_say_so():
    fit = glmm(table({"xi": [5, 5, 5, 5, 5, 5], "ni": [50] * 6}, "PLO"))
    assert fit.tau2 == 0
    assert fit.mu == pytest.approx(math.log(5 / 45), rel=1e-10)
    assert any("tau2 = 0" in note for note in fit.notes)


def test_double_zero_studies_inform_only_the_baselines():
    counts = {
        "ai": [0, 3, 0, 5, 10, 0, 7],
        "n1i": [20, 25, 30, 5, 40, 15, 50],
        "ci": [2, 0, 0, 4, 10, 0, 9],
        "n2i": [21, 24, 30, 6, 42, 16, 48],
    }
    exact = glmm(table(counts, "OR"), model="CM.EL")
    assert "2 of 7 studies" in exact.notes[0]
    kept = glmm(table(counts, "OR"), model="UM.RS")
    dropped = glmm(table(counts, "OR"), model="UM.RS", drop00=True)
    assert kept.sigma2 > dropped.sigma2
    assert "stay in" in kept.notes[0]


def test_intervals_bracket_the_estimate():
    fit = glmm(table(PRITZ, "PLO"))
    low, high = fit.profile_interval()
    assert low < fit.mu < high
    low, high = fit.tau2_interval()
    assert 0 < low < fit.tau2 < high
    top = fit.log_likelihood - 1.9207294
    assert fit.likelihood.profile(tau=math.sqrt(high)) == pytest.approx(top, abs=1e-6)
    new = fit.prediction()
    assert new.low < fit.interval().low
    assert new.high > fit.interval().high


def test_refusals():
    two = {"ai": [1, 2], "n1i": [10, 10], "ci": [3, 4], "n2i": [10, 10]}
    with pytest.raises(OptionError, match=r"choices: CM.EL, UM.FS, UM.RS, CM.AL"):
        glmm(table(two, "OR"), model="nonsense")
    for option in (
        {"interval": "w"},
        {"nagq": 0},
        {"nagq": 2.5},
        {"level": 95},
        {"coding": 2, "model": "UM.FS"},
        {"tau2": "REML"},
        {"correlated": True},
        {"prediction": "x"},
    ):
        with pytest.raises(OptionError):
            glmm(table(two, "OR"), **option)
    with pytest.raises(OptionError, match="asks for RR"):
        glmm(table(two, "RR"))
    with pytest.raises(InputError, match="whole numbers"):
        glmm(table({"xi": [0.5, 2], "ni": [10, 10]}, "PLO"))
    with pytest.raises(NotEstimable, match="no events in any study"):
        glmm(table({"ai": [0, 0], "n1i": [10, 10], "ci": [3, 4], "n2i": [10, 10]}, "OR"))
    with pytest.raises(DependentRows):
        glmm(table(PRITZ, "PLO", studies=("a",) * 14))
    with pytest.raises(NotEstimable, match="linear combination"):
        glmm(table(PRITZ, "PLO"), moderators=np.ones((14, 2)))
    with pytest.raises(NotEstimable, match="need more than 2 studies"):
        glmm(table(two, "OR"), interval="t", moderators=[[1.0, 0.0], [1.0, 1.0]])
    with pytest.raises(TooFewStudies, match="interval='z'"):
        glmm(table({name: [x[0]] for name, x in two.items()}, "OR"), interval="t")


def test_pool_chooses_and_checks():
    fit = lam.pool(table(PRITZ, "PLO"))
    assert fit.spec.model == "glmm"
    assert fit.alternatives()["chosen"].sum() == 1
    assert lam.pool(table(PRITZ, "PLO"), model="glmm", interval="t").df == 13
    with pytest.raises(OptionError):
        lam.pool(table(PRITZ, "PLO"), model="glmm", tau2="REML")
    json.dumps(fit.to_json(), allow_nan=False)
    for made in (fit.summary(), fit.glance(), fit.tidy(), fit.augment()):
        assert len(made)
    assert "binomial-normal" in fit.describe()


def test_beta_binomial():
    fit = beta_binomial(table(PRITZ, "PLO"))
    assert fit.display().estimate == pytest.approx(77.47497, abs=1e-4)
    assert fit.dispersion == pytest.approx(0.0913686, abs=1e-6)
    assert fit.log_likelihood == pytest.approx(-32.509606, abs=1e-6)
    assert lam.pool(table(PRITZ, "PLO"), model="beta-binomial").mu == fit.mu
    with pytest.raises(NotEstimable):
        beta_binomial(table({"xi": [0, 0], "ni": [3, 4]}, "PLO"))


def test_gamma_poisson_without_dispersion_is_poisson():
    fit = gamma_poisson(table({"xi": [2, 4, 3, 3], "ti": [20.0, 40.0, 30.0, 30.0]}, "IRLN"))
    assert fit.dispersion == 0
    assert fit.se == pytest.approx(1 / math.sqrt(12), rel=1e-5)


def test_words_of_r_are_understood_in_the_error():
    two = table({"ai": [1, 2], "n1i": [10, 10], "ci": [3, 4], "n2i": [10, 10]}, "OR")
    for given, ours in (
        ({"mods": "~ x"}, "moderators='~ x'"),
        ({"test": "t"}, "interval='t'"),
        ({"method": "ML"}, "tau2='ML'"),
        ({"tau2": "EE"}, "tau2='none'"),
    ):
        with pytest.raises(OptionError) as refused:
            glmm(two, **given)
        assert ours in str(refused.value)
    with pytest.raises(OptionError, match="arguments: evidence, measure"):
        lam.counts.mantel_haenszel(two, weights="equal")
