"""Reports about pooling estimates: subgroups, levels, intervals, frames."""

import math

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence import EvidenceTable
from lamevidence.errors import InputError, NotEstimable, OptionError
from tests.cases import one_group

SIX = ([0.2, 0.5, 0.1, 0.9, 0.4, -0.25], [0.02, 0.03, 0.02, 0.04, 0.03, 0.02])


def test_a_subtotal_is_pool_of_its_rows() -> None:
    """bwallace/OpenMeta-analyst-#127 (2011); guido-s/meta#60 (2024): the model of the overall estimate."""
    table = one_group([1, 3, 5, 9, 2, 8], [20, 30, 40, 90, 33, 70])
    sub = lam.subgroups(table, list("xxxyyy"))
    assert sub.groups["x"].mu == pytest.approx(lam.pool(table.subset([0, 1, 2])).mu, abs=1e-6)
    assert sub.groups["x"].mu == pytest.approx(math.log(9 / 81), abs=1e-6)  # τ² = 0: 9 of 90
    low, high = sorted(sub.groups[name].mu for name in "xy")
    assert low <= lam.pool(table).mu <= high


def test_the_outer_level_comes_first() -> None:
    """jasp-stats/jaspMetaAnalysis#357 (2025): the advice for the inner level first dropped the study."""
    table = EvidenceTable.from_estimates(
        [0.2, 0.3, 0.1, 0.5, 0.4, 0.25, 0.3, 0.6],
        vi=[0.02, 0.03, 0.02, 0.04, 0.03, 0.02, 0.03, 0.05],
        studies=list("aabbccdd"),
        moderators={"grp": list("abcdefgh")},
    )
    with pytest.raises(InputError, match=r"the outer level comes first: write random='1 \| study/grp'"):
        lam.multilevel(table, random="1 | grp/study")
    assert len(lam.multilevel(table, random="1 | study/grp").components) == 2


def test_an_estimate_outside_its_interval() -> None:
    """FBartos/RoBMA#8 (2021): .1 with a confidence interval from .2 to .7."""
    frame = pd.DataFrame({"s": ["a", "b"], "y": [0.1, 0.4], "lo": [0.2, 0.1], "hi": [0.7, 0.7]})
    with pytest.raises(OptionError, match=r"from_estimates\(frame\['y'\], ci=\(frame\['lo'\], frame\['hi'\]\)\)"):
        EvidenceTable.from_frame(frame, "GEN", study="s", estimate="y", ci_low="lo", ci_high="hi")
    with pytest.raises(InputError, match=r"yi\[0\] \(a\) = 0\.1 lies outside its interval 0\.2 to 0\.7"):
        EvidenceTable.from_estimates(frame["y"], ci=(frame["lo"], frame["hi"]), studies=frame["s"])
    fine = EvidenceTable.from_estimates([0.3, 0.4], ci=([0.1, 0.1], [0.5, 0.7]), studies=["a", "b"])
    assert fine.sei[0] == pytest.approx(0.4 / (2 * 1.959963985), rel=1e-8)


def test_the_reference_level_is_named() -> None:
    """jasp-stats/jasp-issues#4481 (2026), #1055 (2020-23): the intercept is one level, named nowhere."""
    moderators = {"method": ["drill", "game", "video"] * 2}
    table = EvidenceTable.from_estimates(SIX[0], vi=SIX[1], moderators=moderators)
    levels = EvidenceTable.from_estimates(SIX[0], vi=SIX[1], studies=list("112233"), moderators=moderators)
    for fit in (
        lam.pool(table, moderators="~ method"),
        lam.multilevel(levels, moderators="~ method"),
        lam.pool_bayes(table, moderators="~ C(method)", mu=lam.priors.Normal(0, 1), tau=lam.priors.HalfNormal(0.5)),
    ):
        assert "reference: method = drill" in fit.notes
        assert "drill" in repr(fit)
    other = lam.pool(table, moderators="~ C(method, contr.treatment(base='game'))")
    assert "reference: method = game" in other.notes
    assert not any("reference" in note for note in lam.pool(table, moderators="~ 0 + method").notes)


def test_one_study_is_itself() -> None:
    """OHDSI/Strategus#299 (2026): one study pools to itself."""
    fit = lam.pool(EvidenceTable.from_estimates([-0.5447], vi=[0.09]))
    assert (fit.mu, fit.se) == pytest.approx((-0.5447, 0.3), abs=1e-12)


def test_a_comparison_on_no_loop_has_no_indirect_estimate() -> None:
    """gertvv/gemtc#31 (2014): a split that disconnects the network."""
    frame = pd.DataFrame(
        {
            "study": [1, 1, 2, 2, 3, 3],
            "treatment": list("ababbc"),
            "mean": [1, 2, 1.1, 2.2, 2, 3.0],
            "sd": [2.0] * 6,
            "n": [40] * 6,
        }
    )
    table = lam.network.network_table(frame, "MD", mean="mean", sd="sd", total="n")
    split = lam.network.split_network(lam.network.pool_network(table))
    assert split["difference"].isna().all()


def test_interactions_and_saturated_models() -> None:
    """jasp-stats/jasp-issues#3205, #3752 (2025): x*g works; as many coefficients as studies is refused in words."""
    table = EvidenceTable.from_estimates(
        [0.2, 0.3, 0.1, 0.5, 0.4, 0.6, 0.1, 0.2],
        vi=[0.02] * 8,
        moderators={"x": np.arange(8.0), "g": list("ababbaab")},
    )
    assert len(lam.pool(table, moderators="~ x*g").names) == 4
    three = EvidenceTable.from_estimates([0.1, 0.2, 0.3], vi=[0.1] * 3, moderators={"a": [1.0, 2, 4], "b": [2.0, 1, 7]})
    with pytest.raises(NotEstimable, match="need more than 3 studies, got 3"):
        lam.pool(three, moderators="~ a+b")


def test_the_level_asked_is_the_level_given() -> None:
    """easystats/parameters#402 (2021): 99 % asked, 99 % given."""
    table = EvidenceTable.from_estimates(SIX[0][:4], vi=SIX[1][:4])
    at_fit, later = lam.pool(table, level=0.99).interval(), lam.pool(table).interval(0.99)
    assert at_fit.low == pytest.approx(later.low, abs=1e-12)
    assert at_fit.low < lam.pool(table).interval().low


def test_one_study_with_two_rows() -> None:
    """jasp-stats/jasp-issues#4196 (2026): metafor's rma.mv gives .262069 with variances 0, 0."""
    table = EvidenceTable.from_estimates(
        [0.2, 0.3, 0.1, 0.5, 0.4, 0.25], vi=[0.02, 0.03, 0.02, 0.04, 0.03, 0.02], studies=list("aabcde")
    )
    fit = lam.multilevel(table)
    assert fit.beta[0] == pytest.approx(0.262069, abs=1e-5)
    np.testing.assert_allclose(fit.sigma2, 0, atol=1e-8)


def test_frames_of_other_programs() -> None:
    """wviechtb/metafor#31 (2020): nullable integers, categories, numbers as text; a decimal comma is refused."""
    frame = pd.DataFrame({"s": list("abc"), "x": pd.array([4, 3, 2], dtype="Int64"), "n": pd.Categorical([10, 20, 30])})
    table = EvidenceTable.from_frame(frame, "PLO", study="s", events="x", total="n")
    np.testing.assert_allclose(table.yi, np.log([4 / 6, 3 / 17, 2 / 28]))
    text = pd.DataFrame({"s": ["a"], "m": ["1,2"], "sd": ["1"], "n": ["9"]})
    with pytest.raises(InputError, match="row 0 column 'm': '1,2' is not a finite number"):
        EvidenceTable.from_frame(text, "MN", study="s", mean="m", sd="sd", n="n")


def test_the_interval_of_i2() -> None:
    """msrosenberg/MetaWin#20 (2023): after DL, by the Q-profile (a root of Q; metafor's confint at tol 1e-14)."""
    table = EvidenceTable.from_estimates([0.12, 0.31, 0.25, 0.7, 0.5, 0.05], vi=[0.03, 0.04, 0.05, 0.012, 0.035, 0.02])
    assert lam.pool(table, tau2="DL").i2_interval() == pytest.approx((16.81776234, 92.66937443), abs=1e-6)
