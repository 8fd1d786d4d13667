"""Absolute effects: examples of the handbook and of Altman, mpmath, quadrature of the joint law, refusals."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special, stats

import lamevidence as lam
from lamevidence.errors import InputError, LamEvidenceError, NotEstimable, OptionError
from lamevidence.foundation.values import Interval
from lamevidence.results.number_needed import number_needed
from tests.support.fits import FITS, fitted, odds_ratios

Z = 1.959963984540054


def one(measure, ratio, low, high, **more):
    """One estimate with its 95 % interval, on the log unless it is a difference."""
    back = (lambda x: x) if measure in ("RD", "MD") else math.log
    se = (back(high) - back(low)) / (2 * Z)
    table = lam.EvidenceTable.from_estimates([back(ratio)], sei=[se], measure=measure, **more)
    return lam.pool(table)


@pytest.mark.parametrize(
    ("measure", "effect", "baseline", "fewer", "needed"),
    [
        ("OR", 0.73, 0.3, 62, 17),  # Cochrane Handbook 5.1, 12.5.4.3
        ("RR", 0.92, 0.3, 24, 42),  # 12.5.4.2
        ("RD", -0.12, 0.3, 120, 9),  # 12.5.4.1
        ("RD", -0.22, 0.3, 220, 5),  # 12.5.4.1
    ],
)
def test_the_examples_of_the_handbook(measure, effect, baseline, fewer, needed):
    low, high = (effect * 0.9, effect * 1.1) if effect > 0 else (effect - 0.01, effect + 0.01)
    found = one(measure, effect, low, high, higher_is="worse").absolute(baseline).rows[0]
    assert round(-1000 * found.difference) == fewer
    assert found.needed.words("95%", "CI").startswith(f"NNTB {needed} (")


def test_the_example_of_altman():
    """BMJ 1998;317:1309: a risk reduction of 10 % (−5 % to 25 %) is NNTB 10 (NNTB 4 to ∞ to NNTH 20)."""
    found = one("RD", -0.10, -0.25, 0.05, higher_is="worse").absolute(0.4).rows[0]
    assert found.needed.words("95%", "CI") == "NNTB 10 (95% CI NNTB 4 to ∞ to NNTH 20)"
    assert found.needed.through_infinity


def risk(measure, theta, base):
    with mp.workdps(30):
        theta, base = mp.mpf(float(theta)), mp.mpf(base)
        if measure == "OR":
            odds = base / (1 - base) * mp.exp(theta)
            return float(odds / (1 + odds))
        if measure == "HR":
            return float(1 - (1 - base) ** mp.exp(theta))
        return float(base + theta if measure == "RD" else base * mp.exp(theta))


@pytest.mark.parametrize("measure", ["OR", "PETO", "RR", "HR", "RD", "IRR"])
@pytest.mark.parametrize("base", [0.02, 0.3])
def test_every_measure_against_mpmath(measure, base):
    effect = (-0.01, -0.017, -0.003) if measure == "RD" else (0.6, 0.4, 1.1)
    fit = one(measure, *effect)
    found = fit.absolute(base, time="within 5 years" if measure == "HR" else "").rows[0]
    kind = "OR" if measure == "PETO" else measure
    theta = (fit.estimate, *fit.interval())
    expected = [risk(kind, x, base) for x in theta]
    assert [found.treated, *found.treated_interval] == pytest.approx(expected, rel=1e-12)
    apart = [x - base for x in expected]
    assert [found.difference, *found.difference_interval] == pytest.approx(apart, rel=1e-9)
    per = 100 if measure == "IRR" else 1
    assert found.needed.number == pytest.approx(per / abs(apart[0]), rel=1e-9)


def test_a_range_is_two_baselines_and_the_frame_is_per_1000():
    found = one("OR", 0.5, 0.3, 0.8).absolute((0.05, 0.2))
    frame = found.to_frame()
    assert frame["baseline"].tolist() == [50.0, 200.0]
    assert frame["treated"].tolist() == pytest.approx([1000 * risk("OR", math.log(0.5), b) for b in (0.05, 0.2)])
    assert set(frame["per"]) == {"per 1000"}
    assert found.describe().count("Where ") == 2
    assert found.to_json()["rows"][0]["baseline_low"] is None


def test_rates_are_per_100_patient_years():
    found = one("IRR", 0.5, 0.2, 1.25, higher_is="worse").absolute(20)
    assert found.to_frame()["treated"].tolist() == pytest.approx([10.0])
    assert "Where there are 20 events per 100 patient-years with control, there are 10 with treatment" in str(found)
    # 10 fewer per 100 patient-years is one in 10 patient-years
    assert (
        "patient-years 10 for one event fewer (95% CI 6.2 for one event fewer to ∞ to 20 for one event more)"
        in found.describe()
    )


@given(
    st.floats(-0.9, 0.9), st.floats(0.001, 0.5), st.floats(0.001, 0.5), st.sampled_from(["worse", "better", "neutral"])
)
def test_a_number_needed_is_the_reciprocal_and_says_when_it_passes_infinity(middle, down, up, higher_is):
    found = number_needed(middle, Interval(middle - down, middle + up), higher_is)
    assert found.through_infinity == (middle - down <= 0 <= middle + up)
    lower, higher = {"worse": ("benefit", "harm"), "better": ("harm", "benefit")}.get(higher_is, ("fewer", "more"))
    if middle:
        assert found.side == (lower if middle < 0 else higher)
    ends = {found.start: found.start_side, found.end: found.end_side}
    for bound in (middle - down, middle + up):
        number = 1 / abs(bound) if bound else math.inf
        assert number in ends
        if bound and found.start != found.end:
            assert ends[number] == (lower if bound < 0 else higher)
    assert found.through_infinity == (found.start_side != found.end_side)
    assert ("∞" in found.words("95%", "CI")) == found.through_infinity
    if not found.through_infinity:
        assert found.start <= found.number <= found.end


def joint_probability(fit, controls, d, value):
    """P(difference ≤ d), or P(risk ≤ d) for value 0, by quadrature over the logit of the baseline."""

    def law(result):
        return stats.norm if math.isinf(float(result.df)) else stats.t(float(result.df))

    def theta_at(b):
        return special.logit(np.clip(d + b * value, 0, 1)) - special.logit(b)

    at, spread = controls.estimate, controls.se

    def part(x):
        b = float(special.expit(x))
        return law(controls).pdf((x - at) / spread) / spread * law(fit).cdf((theta_at(b) - fit.estimate) / fit.se)

    return integrate.quad(part, at - 60 * spread, at + 60 * spread, points=[at], limit=500, epsabs=1e-9)[0]


@pytest.mark.parametrize("model", ["random", "common"])
def test_a_pooled_baseline_is_joined_against_quadrature(model):
    fit = lam.pool(odds_ratios(), model=model, interval="z" if model == "common" else "HKSJ")
    controls = lam.pool(lam.effects.control_groups(odds_ratios()), model="random", interval="HKSJ")
    found = fit.absolute(controls).rows[0]
    for q, bound in zip((0.025, 0.975), found.difference_interval, strict=True):
        assert joint_probability(fit, controls, bound, 1) == pytest.approx(q, abs=3e-4)
    for q, bound in zip((0.025, 0.975), found.treated_interval, strict=True):
        assert joint_probability(fit, controls, bound, 0) == pytest.approx(q, abs=3e-4)
    assert found.baseline.value == pytest.approx(float(special.expit(controls.estimate)))
    assert "13 of its studies are in both" in fit.absolute(controls).describe()
    frame = pd.DataFrame({"s": ["elsewhere 1", "elsewhere 2"], "x": [3, 9], "n": [40, 60]})
    elsewhere = lam.pool(lam.EvidenceTable.from_frame(frame, "PLO", study="s", events="x", total="n"), model="common")
    assert fit.absolute(elsewhere).describe().endswith("the two taken as independent.")


def test_posteriors_are_joined_draw_by_draw():
    table = odds_ratios()
    fit, controls = lam.pool_bayes(table, likelihood="normal"), lam.pool_bayes(lam.effects.control_groups(table))
    found = fit.absolute(controls).rows[0]
    rng = np.random.default_rng(1)
    u, w = rng.random((2, 400_000))
    base = special.expit(controls.mu.quantile(u))
    apart = special.expit(special.logit(base) + fit.mu.quantile(w)) - base
    expected = np.quantile(apart, [0.5, 0.025, 0.975])
    error = 4 * np.sqrt(0.25 / u.size)
    for q, bound in zip((0.5, 0.025, 0.975), (found.difference, *found.difference_interval), strict=True):
        assert np.mean(apart <= bound) == pytest.approx(q, abs=error)
    assert [found.difference, *found.difference_interval] == pytest.approx(expected, rel=0.02)


def test_a_baseline_known_exactly_is_the_number():
    frame = pd.DataFrame({"s": list("ab"), "x": [3e8, 3e8], "n": [1e9, 1e9]})
    controls = lam.pool(
        lam.EvidenceTable.from_frame(frame, "PLO", study="s", events="x", total="n"), model="common", interval="z"
    )
    fit = fitted("random")
    joined, plain = fit.absolute(controls).rows[0], fit.absolute(0.3).rows[0]
    assert [*joined.difference_interval] == pytest.approx([*plain.difference_interval], rel=1e-4)


@pytest.mark.parametrize("name", FITS)
def test_every_family_gives_its_own_interval_read_at_the_baseline_or_says_why_not(name):
    fit = fitted(name)
    try:
        found = fit.absolute(0.1, level=0.9).rows[0]
    except NotEstimable:
        assert fit.names != ("mu",) or fit.measure not in ("OR", "PETO", "RD")
        return
    low, high = fit.intervals(0.9)[0]
    assert [*found.treated_interval] == pytest.approx(
        [risk("RD" if fit.measure == "RD" else "OR", x, 0.1) for x in (low, high)], rel=1e-10
    )


def test_what_has_no_baseline_is_refused_and_the_remedies_work():
    with pytest.raises(NotEstimable, match="mean difference has no baseline risk to act on; display"):
        one("MD", 1.0, 0.5, 1.5).absolute(0.1)
    assert one("MD", 1.0, 0.5, 1.5).display()
    with pytest.raises(NotEstimable, match="logit proportion has no baseline risk"):
        fitted("glmm proportions").absolute(0.1)
    with pytest.raises(NotEstimable, match="one group of subgroups"):
        fitted("subgroups").absolute(0.1)
    assert fitted("a subgroup").absolute(0.1)


@pytest.mark.parametrize(
    "bad", [0, 1, -0.1, 1.5, (0.2, 0.1), (0.1, 0.1), (), (0.1, 0.2, 0.3), "0.1", None, True, math.nan]
)
def test_a_baseline_outside_0_and_1_is_refused_and_the_examples_are_taken(bad):
    fit = fitted("random")
    with pytest.raises(OptionError, match=r"baseline=0\.1 for 100 per 1000, baseline=\(0\.05, 0\.2\), or the pooled"):
        fit.absolute(bad)
    assert fit.absolute(0.1)
    assert fit.absolute((0.05, 0.2))
    assert fit.absolute(lam.pool(lam.effects.control_groups(fit.table)))


def test_a_rate_ratio_takes_rates():
    fit = one("IRR", 0.5, 0.3, 1.2)
    with pytest.raises(
        OptionError, match=r"events per 100 patient-years, above 0: baseline=20, or baseline=\(10, 30\)"
    ):
        fit.absolute(-1)
    assert len(fit.absolute((10, 30)).rows) == 2
    with pytest.raises(OptionError, match="leave time out"):
        fit.absolute(20, time="within a year")


def test_a_hazard_ratio_needs_a_time():
    fit = one("HR", 0.5, 0.3, 0.9)
    with pytest.raises(OptionError, match="add time='within 5 years'"):
        fit.absolute(0.3)
    assert "have the event within 5 years with control" in fit.absolute(0.3, time="within 5 years").describe()


def test_a_risk_beyond_1_is_refused_and_the_baseline_named_is_taken():
    fit = one("RR", 1.5, 0.9, 2.5)
    with pytest.raises(InputError, match=r"reaches from 0\.9 to 2\.5, and at a baseline of 0\.5 .* below 0\.4"):
        fit.absolute(0.5)
    assert fit.absolute(0.399)
    apart = one("RD", -0.1, -0.25, 0.05)
    with pytest.raises(InputError, match=r"state a baseline between 0\.25 and 0\.95"):
        apart.absolute(0.2)
    assert apart.absolute(0.26)


def test_a_baseline_of_another_kind_is_refused_and_the_remedy_works():
    table = odds_ratios()
    controls = lam.effects.control_groups(table)
    fit, post = fitted("random"), fitted("posterior")
    with pytest.raises(OptionError, match="pool the control groups with pool:"):
        fit.absolute(lam.pool_bayes(controls))
    with pytest.raises(OptionError, match="pool the control groups with pool_bayes:"):
        post.absolute(lam.pool(controls))
    assert post.absolute(lam.pool_bayes(controls)).joined
    with pytest.raises(OptionError, match=r"the baseline is log odds ratio · give a pooled proportion"):
        fit.absolute(fit)


def test_control_groups_are_those_of_the_table_and_rates_have_a_unit():
    table = odds_ratios()
    controls = lam.effects.control_groups(table)
    np.testing.assert_array_equal(controls.counts["xi"], table.counts["ci"])
    np.testing.assert_array_equal(controls.counts["ni"], table.counts["n2i"])
    with pytest.raises(OptionError, match="leave unit out"):
        lam.effects.control_groups(table, unit="events/person-year")
    with pytest.raises(OptionError, match="state the baseline as a number"):
        lam.effects.control_groups(one("OR", 0.5, 0.3, 0.9).table)
    frame = pd.DataFrame({"s": list("abc"), "a": [3, 5, 4], "t": [40.0, 50, 30], "c": [7, 9, 6], "u": [41.0, 52, 31]})
    rates = lam.EvidenceTable.from_frame(
        frame, "IRR", study="s", events="a", person_time="t", control_events="c", control_person_time="u"
    )
    with pytest.raises(OptionError, match="unit='events/person-year'"):
        lam.effects.control_groups(rates)
    fit = lam.pool(rates, model="common")
    years = fit.absolute(lam.pool(lam.effects.control_groups(rates, unit="events/person-year"), model="common"))
    months = fit.absolute(lam.pool(lam.effects.control_groups(rates, unit="events/person-month"), model="common"))
    # one event per person-month is twelve a person-year
    assert months.rows[0].baseline.value == pytest.approx(12 * years.rows[0].baseline.value)
    with pytest.raises(OptionError, match="has no unit"):
        fit.absolute(
            lam.pool(
                lam.EvidenceTable.from_frame(frame, "IRLN", study="s", events="c", person_time="u"), model="common"
            )
        )


def test_no_absolute_effect_is_made_silently_of_proportions_below_zero():
    frame = pd.DataFrame({"s": list("ab"), "x": [1, 2], "n": [30, 40]})
    plain = lam.pool(lam.EvidenceTable.from_frame(frame, "PR", study="s", events="x", total="n"), model="common")
    with pytest.raises(LamEvidenceError, match="pool the control groups as 'PLO'"):
        fitted("random").absolute(plain)
