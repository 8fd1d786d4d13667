"""One entry for the fit of a model: its statistics against other routes, its words with data of both kinds."""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats

import lamevidence as lam
from lamevidence.checks.misfit_power import PLANTS as PLANTED
from lamevidence.checks.misfits import STATISTICS, WEIGHTS, replicates, skewness, tail, wide_ratio
from lamevidence.checks.working_scale import WorkingModel, tau_nodes
from lamevidence.foundation.errors import InputError, OptionError, UnknownName
from lamevidence.foundation.multiple_tests import holm

Y = np.array([0.3, -0.2, 0.5, 0.1, 0.4, -0.1, 0.25, 0.0])
S = np.array([0.3, 0.5, 0.25, 0.4, 0.6, 0.35, 0.9, 0.45])
ODDS = {"mu": lam.priors.Normal(0, 2.82), "tau": lam.priors.HalfNormal(0.5)}


def fit(y=Y, s=S, **options):
    table = lam.EvidenceTable.from_estimates(y, sei=s, measure="OR")
    return lam.pool_bayes(table, **{**ODDS, **options})


def proportions(x, n, **options):
    table = lam.EvidenceTable.from_frame(pd.DataFrame({"xi": x, "ni": n}), "PLO", xi="xi", ni="ni")
    return lam.pool_bayes(table, mu=lam.priors.Normal(0, 1.5), tau=lam.priors.HalfNormal(0.5), **options)


@pytest.fixture(scope="module")
def clean():
    return lam.checks.model_check(fit(), seed=1)


@pytest.fixture(scope="module")
def outlying():
    return lam.checks.model_check(fit(np.where(np.arange(8) == 2, 4.0, Y)), seed=1)


# ---- the statistics, by other routes -----------------------------------------------------------
def test_holm_as_in_r():
    # p.adjust(c(.01, .02, .03, .005), "holm") in R
    assert holm(np.array([0.01, 0.02, 0.03, 0.005])) == pytest.approx([0.03, 0.04, 0.04, 0.02])


def test_holm_with_weights_is_a_bonferroni_bound_of_the_smallest():
    w = np.array([1.0, 3.0])
    assert holm(np.array([0.002, 0.9]), w)[0] == pytest.approx(0.002 * 4)
    assert holm(np.array([0.9, 0.002]), w)[1] == pytest.approx(0.002 * 4 / 3)


def test_loo_pit_is_that_of_the_check_alone(outlying):
    alone = lam.checks.loo_pit(fit(np.where(np.arange(8) == 2, 4.0, Y)))
    assert outlying.statistics["loo_pit"].p == alone.p_holm.min()
    assert outlying.statistics["loo_pit"].where == "3"


def test_the_working_model_is_the_exact_engine_with_few_nodes():
    post = fit(mu=lam.priors.Flat())
    reps = replicates(post, 400, 1)
    assert reps.model.pit(reps.y)[0] == pytest.approx(post.loo().pit, abs=5e-3)
    wide = fit(s=3 * S, mu=lam.priors.Flat())
    assert wide_ratio(reps, reps.y)[0] == pytest.approx(wide.state.log_marginal - post.state.log_marginal, abs=0.02)


def test_groups_with_known_tau_are_the_test_of_moderators():
    # with τ = 0: the Q of moderators of a fixed-effect regression, by weighted least squares
    g = np.arange(8) % 2
    w = 1 / S**2
    means = [np.average(Y[g == i], weights=w[g == i]) for i in (0, 1)]
    q = sum(w[g == i].sum() * (means[i] - np.average(Y, weights=w)) ** 2 for i in (0, 1))
    check = lam.checks.model_check(fit(tau=lam.priors.HalfNormal(1e-6)), [f"g{i}" for i in g], seed=1)
    assert check.statistics["groups"].p == pytest.approx(stats.chi2.sf(q, 1), rel=1e-6)


@pytest.mark.slow
def test_zeros_by_quadrature():
    x, n = np.array([0.0, 7, 9]), np.array([30.0, 31, 40])
    z, weight = np.polynomial.hermite_e.hermegauss(61)

    def evidence(rows):
        def at(mu, tau):
            p = special.expit(mu + tau * z)
            each = [stats.binom.pmf(x[i], n[i], p) @ weight / weight.sum() for i in rows]
            return np.prod(each) * stats.norm.pdf(mu, 0, 1.5) * stats.halfnorm.pdf(tau, scale=0.5)

        mu, tau = np.linspace(-8, 6, 281), np.linspace(0, 3.5, 141)
        return integrate.simpson([integrate.simpson([at(m, t) for t in tau], x=tau) for m in mu], x=mu)

    expected = 3 * evidence([0, 1, 2]) / evidence([1, 2])
    check = lam.checks.model_check(proportions(x, n), seed=1)
    assert check.statistics["zeros"].p == pytest.approx(expected, rel=1e-4)
    assert check.statistics["zeros"].where == "1"


def test_tails_count_the_data_among_the_draws():
    assert tail(np.array([2.0, 9.0]), np.array([1.0, 2.0, 3.0])).tolist() == [0.75, 0.25]


def test_skewness_has_the_sign_of_the_longer_tail_and_no_scale():
    z = np.array([[0.0, 0.1, 0.2, 0.4, 3.0]])
    assert skewness(z)[0] > 0.5
    assert skewness(-z)[0] == pytest.approx(-skewness(z)[0])
    assert skewness(5 * z + 2)[0] == pytest.approx(skewness(z)[0])
    assert skewness(np.array([[-1.0, 0.0, 1.0]]))[0] == pytest.approx(0, abs=1e-12)


def test_working_estimates_of_counts_are_those_of_the_fit():
    n = np.full(400, 60.0)
    rng = np.random.default_rng(1)
    x = rng.binomial(60, special.expit(-1 + 0.4 * rng.standard_normal(400))).astype(float)
    post = proportions(x[:6], n[:6])
    reps = replicates(post, 2000, 1)
    theta = np.log(60 * 0.3 / (60 * 0.7))
    at = reps.scale.of(np.full(6, 18.0)) + post.mu.median
    assert at == pytest.approx(np.full(6, theta), abs=0.03)
    assert reps.new.var(axis=0) == pytest.approx(reps.scale.vi + np.mean(reps.tau**2) + reps.mean[:, 0].var(), rel=0.2)


def test_nodes_of_tau_follow_its_prior():
    post = fit()
    nodes = tau_nodes(post, S**2, Y)
    assert nodes.mean() == pytest.approx(post.prior_tau.mean, rel=0.02)
    assert np.all(np.diff(tau_nodes(fit(tau=lam.priors.Jeffreys()), S**2, Y)) > 0)


def test_residuals_of_a_regression_leave_the_design_out():
    X = np.column_stack([np.ones(8), np.arange(8.0)])
    model = WorkingModel(S**2, X, np.array([0.1, 0.4]))
    assert model.fit((2 + 3 * np.arange(8.0))[None, :]).z == pytest.approx(0, abs=1e-9)


# ---- its words ---------------------------------------------------------------------------------
def test_an_outlier_is_named(outlying):
    said = outlying.describe()
    assert said.startswith("Unusual under the model: 3 is not predicted by the other rows")
    assert "No misfit" not in said
    assert "one row moved by 6 sd" not in said
    assert outlying.unusual[0] == "loo_pit"


def test_data_that_fit_are_said_to_speak_against_what_would_show_alone(clean):
    said = clean.describe()
    assert clean.unusual == ()
    assert said.startswith("No misfit was found (smallest adjusted p")
    assert "which speaks against those that would show, and against no other" in said
    shown, missed = said.split("These 8 rows would mostly show: ")[1].split("These 8 rows could easily miss: ")
    for name, power in clean.power.items():
        assert (PLANTED[name] in shown) == (power >= 0.5)
        assert (PLANTED[name] in missed) == (power < 0.5)
    assert "one row moved by 6 sd" in shown
    assert "exponentially distributed" in missed


def test_where_nothing_could_be_seen_silence_is_not_praised():
    check = lam.checks.model_check(fit([1.0, 9.0, -4.0], [5.0, 5.0, 5.0], tau=lam.priors.HalfNormal(20)), seed=1)
    assert max(check.power.values()) < 0.5
    assert "but none of those looked for would mostly have shown" in check.describe()
    assert "would mostly show:" not in check.describe()


def test_one_row_cannot_be_tested():
    check = lam.checks.model_check(fit([0.1], [0.2]), seed=1)
    assert check.statistics == {}
    assert check.unusual == ()
    assert check.describe().startswith("Nothing could be tested with this row: ")
    assert set(check.not_tested) == set(STATISTICS)
    with pytest.raises(OptionError, match=r"to_frame\(\) has the other numbers"):
        check.plot()
    assert len(check.to_frame()) == len(STATISTICS)


def test_each_misfit_is_called_by_its_name():
    rng = np.random.default_rng(4)
    small = lam.checks.model_check(fit(rng.normal(0, 4, 8), S), seed=1)
    assert "more spread than standard errors and the prior of τ expect" in small.describe()
    large = lam.checks.model_check(fit(np.full(8, 0.2), S), seed=1)
    assert large.unusual == ("q",)
    assert "less spread than the standard errors allow" in large.describe()
    apart = lam.checks.model_check(fit(Y + 2.5 * (np.arange(8) % 2)), ["a", "b"] * 4, seed=1)
    assert "the groups have different means" in apart.describe()
    skewed = np.array([0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.45, 0.6, 0.9, 1.3, 2.0])
    bent = lam.checks.model_check(fit(skewed, np.full(12, 0.05)), seed=1)
    assert "the effects are skewed" in bent.describe()
    empty = lam.checks.model_check(proportions([0, 12, 30, 0, 21, 15], [60, 41, 90, 70, 70, 45]), seed=1)
    assert "the others predict events where there are none (1, 4)" in empty.describe()


def test_estimates_have_no_zeros_and_groups_are_asked_for(clean):
    assert clean.not_tested == {
        "groups": "no groups were given",
        "zeros": "the data are estimates, not counts",
    }
    assert "Not tested: groups (no groups were given); zeros (the data are estimates, not counts)." in clean.describe()
    counts = lam.checks.model_check(proportions([3, 5, 9, 4], [20, 25, 40, 30]), ["a", "a", "b", "b"], seed=1)
    assert counts.not_tested == {}
    assert "Not tested" not in counts.describe()
    assert counts.statistics["zeros"].p == 1.0


def test_an_improper_prior_predicts_no_spread():
    check = lam.checks.model_check(fit(tau=lam.priors.Jeffreys(), mu=lam.priors.Flat()), seed=1)
    assert "is improper" in check.not_tested["scale"]
    assert "scale" not in check.power
    assert "q" in check.statistics


def test_all_rows_without_events():
    check = lam.checks.model_check(proportions([0, 0, 0], [20, 25, 40]), seed=1)
    assert check.not_tested["zeros"] == "no row has events to predict the others from"


# ---- its habits --------------------------------------------------------------------------------
def test_frame_summary_json_and_text(clean):
    frame = clean.to_frame()
    assert list(frame["statistic"]) == list(STATISTICS)
    assert frame["weight"].sum() == pytest.approx(1)
    assert frame.loc[frame["statistic"] == "zeros", "not_tested"].item() == "the data are estimates, not counts"
    assert list(clean.summary().index) == list(clean.statistics)
    assert clean.to_json()["check"] == "ModelCheck"
    assert repr(clean).startswith("No misfit was found")
    assert "<table" in clean._repr_html_()


def test_weights_are_fixed_and_shared_among_those_tested(clean):
    total = sum(WEIGHTS[n] for n in clean.statistics)
    assert clean.weights == {n: WEIGHTS[n] / total for n in clean.statistics}
    raw = np.array([clean.statistics[n].p for n in clean.statistics])
    assert list(clean.p_holm.values()) == pytest.approx(holm(raw, np.array(list(clean.weights.values()))))


def test_the_same_seed_gives_the_same_answer_and_alpha_moves_the_verdict(outlying):
    again = lam.checks.model_check(fit(np.where(np.arange(8) == 2, 4.0, Y)), seed=1)
    assert again.describe() == outlying.describe()
    strict = lam.checks.model_check(fit(np.where(np.arange(8) == 2, 4.0, Y)), alpha=1e-9, seed=1)
    assert strict.unusual == ()


def test_the_picture_says_what_it_shows(clean, outlying):
    quiet, loud = clean.plot().description, outlying.plot().description
    title = "Leave-one-out z, limits of a check of 8 rows at 10%"
    assert quiet == f"{title}: 8 rows, each a dot and its interval; none outside."
    assert loud == f"{title}: 8 rows, each a dot and its interval; 1 outside (3)."


def test_the_pictures_of_the_other_checks_say_what_they_show():
    post = fit(np.where(np.arange(8) == 2, 4.0, Y))
    said = lam.checks.loo_pit(post).plot().description
    assert said.startswith("Leave-one-out PIT, 95% band of its rank: 8 rows, each a dot and its interval; ")
    drawn = lam.predictive_check(post, ["max"], seed=1).plot().description
    assert "observed, and 95% predicted: 8 rows" in drawn
    assert drawn.endswith("1 outside (3).")


@pytest.mark.parametrize(
    ("groups", "words", "remedy"),
    [
        (["a"] * 8, "all rows with information are of one group", ["a"] * 4 + ["b"] * 4),
        (list("abcdefgh"), "8 rows with information in 8 groups", list("aabbccdd")),
        (["a", "b"], "groups", list("abababab")),
    ],
)
def test_groups_that_cannot_be_compared(groups, words, remedy):
    with pytest.raises(InputError, match=words):
        lam.checks.model_check(fit(), groups, seed=1)
    assert "groups" in lam.checks.model_check(fit(), remedy, seed=1).statistics


def test_groups_that_are_in_the_model_already():
    table = lam.EvidenceTable.from_estimates(Y, sei=S, measure="OR", moderators={"g": ["a", "b"] * 4})
    post = lam.pool_bayes(table, moderators="~ C(g)", mu=[lam.priors.Normal(0, 2)] * 2, tau=lam.priors.HalfNormal(0.5))
    with pytest.raises(InputError, match="already hold these groups"):
        lam.checks.model_check(post, "g", seed=1)
    check = lam.checks.model_check(post, seed=1)
    assert "loo_pit" in check.statistics
    plain = lam.pool_bayes(table, **ODDS)
    assert "groups" in lam.checks.model_check(plain, "g", seed=1).statistics
    with pytest.raises(UnknownName):
        lam.checks.model_check(plain, "h", seed=1)


def test_the_designs_of_a_table_are_taken_by_themselves():
    names = tuple("abcdefgh")
    rows = {"yi": Y, "vi": S**2, "labels": names, "studies": names, "measure": "OR"}
    known = lam.pool_bayes(lam.EvidenceTable(**rows, designs=("trial", "series") * 4), **ODDS)
    by_itself = lam.checks.model_check(known, seed=1).statistics["groups"]
    assert by_itself == lam.checks.model_check(known, "design", seed=1).statistics["groups"]
    alike = lam.pool_bayes(lam.EvidenceTable(**rows, designs=("trial",) * 8), **ODDS)
    reason = "all rows with information are of one group (trial)"
    assert lam.checks.model_check(alike, seed=1).not_tested["groups"] == reason


def test_options_are_refused_in_words():
    with pytest.raises(OptionError):
        lam.checks.model_check(fit(), draws=10)
    with pytest.raises(OptionError):
        lam.checks.model_check(fit(), alpha=0)
    with pytest.raises(OptionError):
        lam.checks.model_check(lam.pool(lam.EvidenceTable.from_estimates(Y, sei=S)))


@pytest.mark.parametrize(
    ("measure", "columns"),
    [
        ("IRLN", {"xi": [3, 8, 0, 12, 5], "ti": [20.0, 31, 11, 60, 25]}),
        ("OR", {"ai": [1, 3, 0, 9], "bi": [14, 9, 12, 40], "ci": [4, 5, 2, 12], "di": [11, 7, 9, 37]}),
        ("OR", {"ai": [1, 3, 0, 9], "bi": [14, 9, 12, 40], "ci": [4, 5, 0, 12], "di": [11, 7, 9, 37]}),
        ("IRR", {"x1i": [3, 8, 0, 12], "t1i": [20.0, 31, 11, 60], "x2i": [5, 9, 2, 20], "t2i": [22.0, 30, 15, 55]}),
    ],
)
def test_every_law_of_counts_is_checked(measure, columns):
    table = lam.EvidenceTable.from_frame(pd.DataFrame(columns), measure, **{c: c for c in columns})
    post = lam.pool_bayes(table, mu=lam.priors.Normal(0, 2), tau=lam.priors.HalfNormal(0.5))
    check = lam.checks.model_check(post, seed=1)
    assert {"loo_pit", "zeros", "scale", "q", "max_z"} <= set(check.statistics)
    assert all(0 < s.p <= 1 for s in check.statistics.values())
    assert all(0 <= x <= 1 for x in check.power.values())
    assert check.unusual == ()


def test_estimated_standard_errors_are_checked():
    table = lam.EvidenceTable.from_estimates([1, 2, 1.5, 1.2, 14], sei=[0.4, 0.5, 0.3, 0.6, 0.5], n=[9, 12, 30, 8, 25])
    post = lam.pool_bayes(table, mu=lam.priors.Normal(0, 20), tau=lam.priors.HalfNormal(1))
    assert post.likelihood == "t"
    check = lam.checks.model_check(post, seed=1)
    assert check.statistics["loo_pit"].where == "5"
    assert "loo_pit" in check.unusual


# ---- the words of predictive_check -------------------------------------------------------------
def test_predictive_check_does_not_praise_silence():
    said = lam.predictive_check(fit(3 * Y), seed=1).describe()
    assert "None of these tails is below 0.05, which says little" in said
    assert "lam.checks.model_check" in said
    loud = lam.predictive_check(fit(np.where(np.arange(8) == 2, 9.0, Y)), seed=1).describe()
    assert "Unusual under the model: " in loud
    assert "None of these" not in loud


def test_predictive_check_names_what_no_value_could_show():
    post = fit([0.1, 0.2], [0.5, 0.5])
    both = lam.predictive_check(post, ["above_zero", "max"], seed=1).describe()
    assert "No value of above_zero would have been unusual with these rows." in both
    alone = lam.predictive_check(post, ["above_zero"], seed=1).describe()
    assert "None of these could have been unusual with these rows." in alone
    many = lam.predictive_check(fit(), ["above_zero", "max"], seed=1).describe()
    assert "No value of above_zero" not in many
