"""The next trial: the table of two quadratures, an independent simulation, exact sums over outcomes, a closed form."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from scipy import stats

import lamevidence as lam
from lamevidence.errors import LamEvidenceError
from lamevidence.priors import HalfNormal, MixtureOfBetas, MixtureOfNormals, Normal
from lamevidence.synthesis import MapPrior, NextTrial, map_prior, next_trial, slope_sd

U = "mL/year"
SD = 157.379
WIDE = Normal(0, 240, unit=U)


@pytest.fixture(scope="module")
def earlier() -> MapPrior:
    """The exact prior of an untreated slope."""
    table = lam.EvidenceTable.from_estimates(
        [-144, -118, -90, -89], sei=[24, 142 / 43**0.5, 154 / 11**0.5, 53 / 217**0.5], unit=U
    )
    return map_prior(lam.pool_bayes(table, mu=WIDE, tau=HalfNormal(72, unit=U)), "exact")


def _trial(earlier: MapPrior, control: object, **changed: object) -> NextTrial:
    given = {
        "n": (30, 15),
        "sd": SD,
        "treated": WIDE,
        "effect": Normal(158.523, 89.615, unit=U),
        "true_control": earlier,
        "control": control,
    }
    return next_trial(**given | changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "errors", "power", "assurance"),
    [
        ("none", (0.022, 0.023, 0.021), 0.506, 0.719),
        ("map", (0.0102, 0.0686, 0.0021), 0.738, 0.789),
        ("robust", (0.0112, 0.0573, 0.0056), 0.705, 0.777),
    ],
)
def test_the_table_of_the_next_trial_with_and_without_borrowing(
    earlier: Any, name: Any, errors: Any, power: Any, assurance: Any
) -> None:
    """Type I error, power and assurance, from quadratures that 60 000 simulated trials agree with."""
    robust = earlier.robust(weight=0.2, mean=-106.071, unit_information=SD)
    trial = _trial(earlier, {"none": WIDE, "map": earlier, "robust": robust}[name])
    np.testing.assert_allclose(trial.type_one_error([-110, -60, -180]).type_one_error, errors, atol=5e-4)
    assert trial.power([100], control=-110).power[0] == pytest.approx(power, abs=5e-4)
    assert trial.assurance == pytest.approx(assurance, abs=1e-3)


def test_power_is_what_simulated_trials_find(earlier: Any) -> None:
    """20 000 trials analysed by conjugate updates written out here."""
    prior = MixtureOfNormals((0.6, 0.4), (-100, -40), (20, 90), unit=U)
    rng = np.random.default_rng(5)
    n, truth, effect = (18, 11), -80.0, 90.0
    yt = truth + effect + SD / np.sqrt(n[0]) * rng.standard_normal(20_000)
    yc = truth + SD / np.sqrt(n[1]) * rng.standard_normal(20_000)
    v = SD**2 / np.array(n)
    mt, vt = yt * 240**2 / (240**2 + v[0]), 240**2 * v[0] / (240**2 + v[0])
    loc, var = np.array(prior.loc), np.array(prior.scale) ** 2
    w = np.array(prior.weight) * stats.norm.pdf(yc[:, None], loc, np.sqrt(var + v[1]))
    w /= w.sum(1, keepdims=True)
    mc, vc = loc + var / (var + v[1]) * (yc[:, None] - loc), var * v[1] / (var + v[1])
    chance = (w * stats.norm.cdf((mt[:, None] - mc - 10) / np.sqrt(vt + vc))).sum(1)
    found = _trial(earlier, prior, n=n, decision="P(effect > 10) > 0.9").probability_of_success(truth, effect)
    assert found == pytest.approx((chance > 0.9).mean(), abs=4 * np.sqrt(0.25 / 20_000))


def test_a_rule_the_other_way_round_is_the_mirror(earlier: Any) -> None:
    one = _trial(earlier, Normal(-100, 40, unit=U), effect=60.0, true_control=-90.0)
    mirror = _trial(earlier, Normal(100, 40, unit=U), effect=-60.0, true_control=90.0, decision="P(effect < 0) > 0.975")
    assert one.assurance == pytest.approx(mirror.assurance, abs=1e-9)


def test_without_prior_information_it_is_the_z_test() -> None:
    """Flat priors and known sd: success is z > 1.96, so that error and power are the textbook's."""
    trial = next_trial(n=(40, 40), sd=1.0, control=Normal(0, 1e5), treated=Normal(0, 1e5), effect=0.5, true_control=0.0)
    se = np.sqrt(2 / 40)
    assert trial.type_one_error([0.0]).type_one_error[0] == pytest.approx(0.025, abs=1e-6)
    assert trial.assurance == pytest.approx(stats.norm.sf(stats.norm.ppf(0.975) - 0.5 / se), abs=1e-6)
    treated, control = trial.smallest_n(0.8)
    # (z.975 + z.8)² · 2 σ²/δ² = 62.8 a group
    assert (treated, control) == (63, 63)


def test_proportions_are_summed_over_every_outcome() -> None:
    """Beta(1, 1) priors: P(p₁ > p₀) of every table by another integral, and the sum of the successes."""
    trial = next_trial(
        outcome="proportion", n=(9, 7), control=MixtureOfBetas((1,), (1,), (1,)), effect=0.3, true_control=0.2,
        decision="P(effect > 0) > 0.9",
    )  # fmt: skip
    p = (np.arange(20_000) + 0.5) / 20_000
    total = 0.0
    for r in range(10):
        for s in range(8):
            chance = np.mean(stats.beta.pdf(p, 1 + s, 8 - s) * stats.beta.sf(p, 1 + r, 10 - r))
            if chance > 0.9:
                total += stats.binom.pmf(r, 9, 0.5) * stats.binom.pmf(s, 7, 0.2)
    assert trial.assurance == pytest.approx(total, abs=1e-12)
    first, second = trial.smallest_n(0.7)
    assert first + second > 16


def test_the_value_of_information_of_one_normal_is_the_closed_form(earlier: Any) -> None:
    """Unit normal loss of the pre-posterior sd (Raiffa & Schlaifer), control known exactly or by a normal law."""
    for truth, spread in ((-100.0, 0.0), (Normal(-100, 50, unit=U), 50.0)):
        trial = _trial(earlier, WIDE, effect=Normal(20, 60, unit=U), true_control=truth)
        vt, vc = SD**2 / 30, SD**2 / 15
        noise = vt + (1 / (1 / vc + 1 / spread**2) if spread else 0.0)
        s = 60**2 / np.sqrt(60**2 + noise)
        loss = s * (stats.norm.pdf(20 / s) - 20 / s * stats.norm.sf(20 / s))
        assert trial.value_of_information() == pytest.approx(loss, rel=2e-3)


def test_uncertain_proportions_by_quadrature_over_both() -> None:
    """Assurance and value of information with Beta laws of both truths: a grid over the proportions."""
    mine, other = (6.0, 6.0), (4.0, 8.0)
    trial = next_trial(
        outcome="proportion", n=(8, 5), control=MixtureOfBetas((1,), (4,), (8,)),
        true_treated=MixtureOfBetas((1,), (6,), (6,)), treated=MixtureOfBetas((1,), (6,), (6,)),
        decision="P(effect > 0.1) > 0.8",
    )  # fmt: skip
    p = (np.arange(2000) + 0.5) / 2000
    of_mine, of_other = (stats.beta.pdf(p, *law) / 2000 for law in (mine, other))
    chance = [stats.binom.pmf(np.arange(n + 1)[:, None], n, p) for n in trial.n]
    first, second = chance[0] * of_mine, chance[1] * of_other
    after, beside = (first @ p) / first.sum(1), (second @ p) / second.sum(1)
    both = first.sum(1)[:, None] * second.sum(1)
    gain = np.maximum(after[:, None] - beside - 0.1, 0)
    assert trial.value_of_information() == pytest.approx((both * gain).sum() - (0.5 - 1 / 3 - 0.1), abs=1e-9)
    wins = 0.0
    for r in range(9):
        for s in range(6):
            above = stats.beta.sf(p + 0.1, 6 + r, 14 - r) @ stats.beta.pdf(p, 4 + s, 13 - s) / 2000
            wins += both[r, s] * (above > 0.8)
    assert trial.assurance == pytest.approx(wins, abs=1e-9)
    assert sum(trial.smallest_n(trial.assurance)) <= 13


def test_a_true_control_that_is_no_proportion_is_refused() -> None:
    flat = MixtureOfBetas((1,), (1,), (1,))
    for wrong in (-0.1, 1.5):
        for truth in ({"effect": 0.1}, {"true_treated": flat}):
            with pytest.raises(LamEvidenceError, match="true_control"):
                next_trial(outcome="proportion", n=(3, 3), control=flat, true_control=wrong, **truth)  # type: ignore[arg-type]
    for right in (0.0, 1.0):
        found = next_trial(outcome="proportion", n=(3, 3), control=flat, true_treated=flat, true_control=right)
        assert 0 <= found.assurance <= 1


def test_data_that_cannot_change_the_decision_are_worth_nothing() -> None:
    flat = MixtureOfBetas((1,), (1,), (1,))
    sure = MixtureOfBetas((1,), (1e5,), (1e5,))
    trial = next_trial(outcome="proportion", n=(8, 5), control=flat, true_control=0.2, true_treated=sure)
    assert trial.value_of_information() == pytest.approx(0.0, abs=1e-9)
    assert trial.power([0.3])["power"][0] == pytest.approx(trial.assurance, abs=1e-5)


def test_slopes_of_few_visits_are_wider() -> None:
    """One patient's least-squares slope, simulated from its formula: Σ(t − t̄)² written out."""
    t = np.linspace(0, 1.5, 6)
    assert slope_sd(between=100, within=60, visits=6, years=1.5) == pytest.approx(
        np.sqrt(100**2 + 60**2 / ((t - t.mean()) ** 2).sum()), rel=1e-12
    )
    assert slope_sd(between=100, within=60, visits=3, years=1) > slope_sd(between=100, within=60, visits=12, years=1)


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        ({"decision": "effect > 0"}, "write P(effect > 0) > 0.975"),
        ({"decision": "P(effect > 0) > 97.5"}, "between 0 and 1"),
        ({"n": 30}, "n=(30, 15)"),
        ({"n": (30, 0)}, "n[1]"),
        ({"sd": None}, "give sd="),
        ({"effect": Normal(1, 2)}, "convert"),
        ({"control": MixtureOfBetas((1,), (1,), (1,))}, "Normal("),
        ({"outcome": "proportion", "control": MixtureOfBetas((1,), (1,), (1,))}, "leave it out"),
        ({"outcome": "proportion"}, "MixtureOfBetas("),
        ({"true_treated": MixtureOfBetas((1,), (1,), (1,))}, "give one of them"),
        ({"effect": None}, "effect"),
        ({"true_control": float("nan")}, "true_control"),
    ],
)
def test_what_is_no_trial_is_refused_with_its_remedy(earlier: Any, change: Any, remedy: Any) -> None:
    with pytest.raises(LamEvidenceError, match=re.escape(remedy)):
        _trial(earlier, change.pop("control", WIDE), **change)


def test_questions_that_have_no_answer(earlier: Any) -> None:
    trial = _trial(earlier, WIDE)
    with pytest.raises(LamEvidenceError, match="lower target"):
        trial.smallest_n(0.999, most=300)
    assert sum(trial.smallest_n(0.6, most=300)) <= 300
    with pytest.raises(LamEvidenceError, match=re.escape("effect=Normal(…)")):
        _trial(earlier, WIDE, effect=10.0).value_of_information()
    with pytest.raises(LamEvidenceError, match="finite"):
        trial.probability_of_success(float("inf"), 0)
