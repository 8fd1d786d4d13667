"""Posteriors as results: the members that all results share, refits, weights, heterogeneity, words."""

import json
import re

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.errors import InputError, LamEvidenceError, NotEstimable, OptionError, UnknownName

Y, S = (1, 4, -2.5, 8, 0.8), (2, 3, 3.5, 6, 1.5)
MU, TAU = lam.priors.Normal(1, 20), lam.priors.HalfNormal(4)


def normal_table(**more):
    return lam.EvidenceTable.from_estimates(Y, sei=S, labels=list("abcde"), **more)


def count_table():
    frame = pd.DataFrame({"study": list("abcde"), "xi": [0, 3, 2, 10, 4], "ni": [12, 20, 15, 22, 9]})
    return lam.EvidenceTable.from_frame(frame, "PLO", study="study", xi="xi", ni="ni")


def odds_table():
    columns = {"ai": [1, 3, 0, 4], "bi": [14, 9, 12, 10], "ci": [4, 5, 2, 3], "di": [11, 7, 9, 12]}
    return lam.EvidenceTable.from_frame(pd.DataFrame(columns), "OR", **{name: name for name in columns})


MADE = {
    "normal": lambda rows=None: lam.pool_bayes(_rows(normal_table(), rows), mu=MU, tau=TAU, level=0.8),
    "student mean": lambda rows=None: lam.pool_bayes(
        _rows(normal_table(), rows), mu=lam.priors.StudentT(4, 0, 5), tau=TAU
    ),
    "t": lambda rows=None: lam.pool_bayes(
        _rows(normal_table(n=[12, 9, 20, 15, 11]), rows), mu=MU, tau=TAU, likelihood="t"
    ),
    "data-defined": lambda rows=None: lam.pool_bayes(_rows(normal_table(), rows), mu=MU, tau=lam.priors.DuMouchel()),
    "binomial": lambda rows=None: lam.pool_bayes(_rows(count_table(), rows)),
    "hypergeometric": lambda rows=None: lam.pool_bayes(_rows(odds_table(), rows)),
}
made = pytest.mark.parametrize("make", MADE.values(), ids=MADE)


def _rows(table, keep):
    return table if keep is None else table.subset(keep)


def numbers(post):
    return [post.estimate, post.se, *post.interval(), *post.prediction(), post.tau.mean, post.tau2, post.log_marginal]


@made
def test_a_refit_is_the_fit_of_these_rows(make):
    keep = [0, 1, 3]
    again, alone = make().refit(make().table.subset(keep)), make(keep)
    assert type(again) is type(alone)
    assert numbers(again) == pytest.approx(numbers(alone), rel=1e-12)
    assert again.likelihood == alone.likelihood
    assert again.level == alone.level
    assert again.spec.why == make().spec.why


@made
def test_without_a_study_and_down_to_one(make):
    post = make()
    rest = post.without(post.table.studies[1])
    assert rest.table.labels == tuple(x for i, x in enumerate(post.table.labels) if i != 1)
    one = post.refit(post.table.subset([0]))
    assert numbers(one) == pytest.approx(numbers(make([0])), rel=1e-12)
    assert not one.tau_learned


def test_a_prior_of_the_standard_errors_is_made_anew():
    post = MADE["data-defined"]()
    rest = post.without("e")
    assert rest.prior_tau.vi == pytest.approx(np.square(S[:4]))
    # leave-one-out predictions make the prior anew too, without the row
    assert post.loo().mu[4] == pytest.approx(rest.mu.median, rel=1e-9)


def test_many_refits_are_the_refits():
    post = MADE["normal"]()
    masks = ~np.eye(5, dtype=bool)[:2]
    found = post.refit_each(masks)
    assert found.estimate == pytest.approx([post.without(x).estimate for x in "ab"], rel=1e-12)
    assert found.low[0, 0] == pytest.approx(post.without("a").interval().low, rel=1e-12)
    assert found.reasons == ("", "")


def test_the_mean_is_the_weighted_mean_of_estimates_and_prior():
    """Given τ the mean is linear in y, so that E μ = Σ E wᵢ yᵢ + E w₀ b₀."""
    post = MADE["normal"]()
    assert post.weights.sum() == pytest.approx(100, rel=1e-12)
    prior = post.prior_weight / 100
    assert (1 - prior) * (post.weights @ np.array(Y)) / 100 + prior * MU.mean == pytest.approx(post.estimate, abs=1e-9)
    flat = lam.pool_bayes(normal_table(), mu=lam.priors.Flat(), tau=TAU)
    assert flat.prior_weight == 0
    assert flat.weights @ np.array(Y) / 100 == pytest.approx(flat.estimate, abs=1e-9)


@pytest.mark.parametrize("name", ["t", "binomial", "hypergeometric"])
def test_other_likelihoods_have_no_weights(name):
    post = MADE[name]()
    assert post.weights is None
    assert post.prior_weight is None
    assert np.isnan(post.augment()["weight"]).all()


@made
def test_estimate_and_tau2_are_posterior_means(make):
    post = make()
    assert (post.estimate, post.se) == (post.mu.mean, post.mu.sd)
    tau = post.tau.quantile((np.arange(20_000) + 0.5) / 20_000)
    moments = post.tau.moment_note == ""
    assert post.tau2 == (pytest.approx(np.mean(tau**2), rel=5e-3) if moments else np.inf)
    assert post.df == np.inf
    assert np.isnan([post.statistic, post.p_value]).all()


def test_heterogeneity_is_in_percent_and_of_the_rows_with_variances():
    post, fit = MADE["normal"](), lam.pool(normal_table(), model="random")
    found = post.heterogeneity()
    assert (found.q, found.df, found.p) == pytest.approx((fit.q, fit.q_df, fit.q_p))
    w = 1 / np.square(S)  # Higgins & Thompson 2002, doi:10.1002/sim.1186
    typical = 4 * w.sum() / (w.sum() ** 2 - (w**2).sum())
    assert found.i2 == post.i2 == pytest.approx(100 * post.tau.median**2 / (post.tau.median**2 + typical))
    low, high = post.tau.interval(0.8)
    assert found.tau2_interval == pytest.approx((low**2, high**2))
    assert found.i2_interval == pytest.approx([100 * t**2 / (t**2 + typical) for t in (low, high)])
    assert found.h2 == pytest.approx(1 / (1 - found.i2 / 100))
    one = post.refit(post.table.subset([0]))
    assert np.isnan(one.i2)
    assert "two rows" in one.heterogeneity().note


def test_rows_without_a_variance_are_left_out_of_q():
    frame = pd.DataFrame({"xi": [0, 3, 2, 9], "ni": [12, 20, 15, 9]})
    post = lam.pool_bayes(lam.EvidenceTable.from_frame(frame, "PLO", xi="xi", ni="ni"))
    assert np.isnan(post.table.vi).sum() == 2
    assert post.heterogeneity().df == 1
    assert 0 < post.i2 < 100


def test_the_level_of_the_fit_is_that_of_its_words():
    post = MADE["normal"]()
    for text in (post.describe(), repr(post), str(post.display()), post.methods_text()):
        assert "80% credible interval" in text
        assert "95%" not in text
    assert post.tidy()["conf_low"][0] == pytest.approx(post.mu.quantile(0.1), abs=1e-12)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("mu > 12 mL/year", lambda p: 1 - p.mu.cdf(12.0)),
        ("mu > 1 mL/month", lambda p: 1 - p.mu.cdf(12.0)),
        ("mu < 0", lambda p: p.mu.cdf(0.0)),
        ("tau < 24 mL/year", lambda p: p.tau.cdf(24.0)),
        ("theta_new > 0", lambda p: 1 - p.theta_new.cdf(0.0)),
        ("theta[b] > 0", lambda p: 1 - p.theta["b"].cdf(0.0)),
    ],
)
def test_probabilities_with_units(statement, expected):
    priors = {"mu": lam.priors.Normal(0, 20, unit="mL/month"), "tau": lam.priors.HalfNormal(6, unit="mL/month")}
    post = lam.pool_bayes(normal_table(unit="mL/year"), **priors)
    assert post.probability(statement) == pytest.approx(expected(post), abs=1e-12)


def test_statements_that_are_refused_name_the_word():
    post = MADE["normal"]()
    with pytest.raises(UnknownName, match="theta_new"):
        post.probability("new > 0")
    with pytest.raises(OptionError, match="pure numbers"):
        post.probability("mu > 1 mL/year")
    with pytest.raises(UnknownName, match="choices: a, b, c, d, e"):
        post.probability("theta[z] > 0")
    assert not hasattr(post, "prob")
    assert not hasattr(post, "transformed")


def test_a_reader_sees_medians_on_the_scale_of_proportions():
    post = MADE["binomial"]()
    shown = post.display(0.5)
    percent = lambda x: 100 / (1 + np.exp(-x))  # noqa: E731
    assert shown.estimate == pytest.approx(percent(post.mu.median))
    assert shown.interval == pytest.approx([percent(x) for x in post.interval(0.5)])
    assert shown.prediction == pytest.approx([percent(x) for x in post.prediction(0.5)])
    assert (shown.label, shown.unit, shown.level) == ("Proportion", "%", 0.5)


def test_study_effects_are_medians_and_intervals():
    post = MADE["binomial"]()
    found = post.study_effects(0.5)
    for row, label in zip(found, post.table.labels, strict=True):
        assert row == pytest.approx([post.theta[label].median, *post.theta[label].interval(0.5)], abs=1e-12)
    assert post.augment(0.5)["theta_high"].to_numpy() == pytest.approx(found[:, 2])


@made
def test_json_keeps_the_keys_of_the_command_line(make):
    post = make()
    body = json.loads(json.dumps(post.to_json(), allow_nan=False))
    old = {
        "k", "measure", "unit", "level", "mu", "tau", "theta_new", "prediction", "theta", "log_marginal",
        "numerical_error", "tau_learned", "spec", "notes", "transformed", "fingerprint",
    }  # fmt: skip
    assert old <= set(body)
    assert {"mean", "sd", "median", "interval"} <= set(body["mu"]) & set(body["tau"])
    assert {"title", "mu", "interval", "prediction"} <= set(body["transformed"])
    assert body["estimate"] == post.estimate


def test_moments_that_do_not_exist_are_none_in_json_and_infinite_in_python():
    post = lam.pool_bayes(normal_table().subset([0]), mu=MU, tau=lam.priors.HalfCauchy(4))
    body = post.to_json()
    assert post.tau2 == np.inf
    assert body["tau"]["sd"] is None
    assert body["tau2"] is None
    assert "not exist" in body["tau"]["note"]
    json.dumps(body, allow_nan=False)


def test_the_methods_name_likelihood_priors_and_papers():
    priors = {"mu": lam.priors.Normal(0, 240, unit="mL/year"), "tau": lam.priors.HalfNormal(72, unit="mL/year")}
    text = lam.pool_bayes(normal_table(unit="mL/year"), **priors).methods_text()
    for words in ("Normal(0, 240, unit='mL/year')", "HalfNormal(72, unit='mL/year')", "doi:10.18637/jss.v093.i06"):
        assert words in text
    assert "binomial" in MADE["binomial"]().methods_text()
    assert "default" in MADE["binomial"]().methods_text()


# ---- moderators -------------------------------------------------------------------------------
SLOPE = lam.priors.Normal(0, 10)


def with_moderators():
    return normal_table(moderators={"x": [0.0, 1, 1, 1, 0], "g": ["p", "q", "q", "r", "p"]})


DESIGNS = {"names": ["x"], "formula": "~ x", "matrix": np.array([[1.0, 0], [1, 1], [1, 1], [1, 1], [1, 0]])}


@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)
def test_regressions_of_each_kind_of_design_are_refitted(design):
    table, keep = with_moderators(), [0, 1, 2, 4]
    post = lam.pool_bayes(table, mu=[MU, SLOPE], tau=TAU, moderators=design)
    assert isinstance(post, lam.results.PosteriorRegression)
    rows = design[keep] if isinstance(design, np.ndarray) else design
    alone = lam.pool_bayes(table.subset(keep), mu=[MU, SLOPE], tau=TAU, moderators=rows)
    again = post.refit(table.subset(keep))
    assert again.names == alone.names == post.names
    assert again.estimate == pytest.approx(alone.estimate, rel=1e-12)
    assert again.log_marginal == pytest.approx(alone.log_marginal, rel=1e-12)
    assert post.without("d").estimate == pytest.approx(again.estimate, rel=1e-12)


def test_a_matrix_follows_its_rows_and_knows_no_others():
    table = with_moderators()
    post = lam.pool_bayes(table, mu=[MU, SLOPE], tau=TAU, moderators=DESIGNS["matrix"])
    turned = post.refit(table.subset([4, 3, 2, 1, 0]))
    assert turned.estimate == pytest.approx(post.estimate, rel=1e-9)
    with pytest.raises(InputError, match="z"):
        post.refit(lam.EvidenceTable.from_estimates([1, 2], vi=[1, 1], labels=["a", "z"]))


def test_a_level_that_is_gone_keeps_its_prior_or_goes_with_it():
    table = with_moderators()
    proper = lam.pool_bayes(table, mu=[MU, SLOPE, SLOPE], tau=TAU, moderators="~ C(g)")
    assert proper.names == ("intercept", "C(g)[T.q]", "C(g)[T.r]")
    rest = proper.without("d")
    gone = rest.coefficients["C(g)[T.r]"]
    assert (gone.mean, gone.sd) == pytest.approx((SLOPE.mean, SLOPE.sd), rel=1e-9)
    flat = lam.pool_bayes(table, mu=MU, tau=TAU, moderators="~ C(g)").without("d")
    assert flat.names == ("intercept", "C(g)[T.q]")
    assert "flat" in flat.spec.why["mu"]
    only = flat.refit(table.subset([0, 4]))
    assert isinstance(only, lam.results.PosteriorRegression)
    assert only.names == ("intercept",)


def test_coefficients_by_name_and_their_covariance():
    post = lam.pool_bayes(with_moderators(), mu=[MU, SLOPE], tau=TAU, moderators=["x"])
    assert set(post.interval()) == {"intercept", "x"}
    assert post.intervals(0.5)[1] == pytest.approx(post.coefficients["x"].interval(0.5))
    drawn = post.draws(50_000, 2, seed=1).flat()["beta"]
    assert post.covariance == pytest.approx(np.cov(drawn.T), rel=0.03)
    assert post.probability("x > 0") == pytest.approx(1 - post.coefficients["x"].cdf(0.0), abs=1e-12)
    assert list(post.tidy()["term"]) == ["intercept", "x"]
    assert list(post.summary()["quantity"]) == ["intercept", "x", "tau"]
    assert post.fitted() == pytest.approx(post.X @ post.estimate)


def test_where_a_new_study_stands_has_to_be_said():
    post = lam.pool_bayes(with_moderators(), mu=[MU, SLOPE], tau=TAU, moderators=["x"])
    with pytest.raises(NotEstimable, match=r"predict\(new\)"):
        post.prediction()
    frame = post.predict({"x": [0.0, 1.0]}, level=0.5)  # what the message says to do
    ahead = post.at({"x": 1}, new=True)
    assert frame["prediction_low"][1] == pytest.approx(ahead.quantile(0.25), abs=1e-9)
    assert frame["mean"].to_numpy() == pytest.approx([post.at([1, 0]).mean, post.at([1, 1]).mean])
    with pytest.raises(NotEstimable, match=r"post\.at\({'x': …}, new=True\)\.cdf") as refused:
        post.probability("theta_new > 0")
    remedy = re.search(r"post\.at.*$", str(refused.value)).group().replace("…", "1")
    assert eval(remedy, {"post": post}) == pytest.approx(ahead.cdf(1))
    assert len(post.predict()) == 5


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ({"g": "z"}, "do not fit"),
        ({}, "same number"),
        ({"other": 1.0}, "moderator"),
        ([[1.0]], "columns"),
        (pd.DataFrame({"g": ["p", None]}), "·"),
    ],
)
def test_new_studies_that_the_design_does_not_know(new, words):
    post = lam.pool_bayes(with_moderators(), mu=[MU, SLOPE, SLOPE], tau=TAU, moderators="~ C(g)")
    with pytest.raises(LamEvidenceError, match=words):
        post.predict(new)


# ---- words and remedies -----------------------------------------------------------------------
def test_the_remedy_for_a_missing_prior_works():
    with pytest.raises(OptionError, match="no anchored prior of τ") as refused:
        lam.pool_bayes(normal_table())
    typed = re.search(r"tau=(lam\.priors\.\w+)\(s\)", str(refused.value)).group(1)
    assert lam.pool_bayes(normal_table(), tau=eval(typed, {"lam": lam})(4)).k == 5


def test_moderators_go_with_counts_and_with_their_estimates():
    table = lam.EvidenceTable.from_frame(
        pd.DataFrame({"xi": [1, 3, 2], "ni": [12, 20, 15], "x": [0.0, 1, 2]}), "PLO", xi="xi", ni="ni", moderators=["x"]
    )
    for likelihood in ("binomial", "normal"):
        post = lam.pool_bayes(table, moderators=["x"], likelihood=likelihood)
        assert post.likelihood == likelihood
        assert post.names == ("intercept", "x")


@pytest.mark.parametrize(
    ("options", "ours"), [({"mods": ["x"]}, "moderators"), ({"tau_prior": TAU}, "tau="), ({"mu_prior": MU}, "mu=")]
)
def test_words_of_other_packages_are_answered_with_ours(options, ours):
    with pytest.raises(OptionError, match=ours):
        lam.pool_bayes(normal_table(), **options)


def test_lengths_of_chains_belong_to_the_sampler():
    with pytest.raises(OptionError, match=r"post\.draws\(1000\)"):
        lam.pool_bayes(normal_table(), mu=MU, tau=TAU, draws=500)
    assert MADE["normal"]().draws(1000).mu.shape == (4, 1000)


def test_a_posterior_put_together_by_hand_is_not_refitted():
    from dataclasses import replace

    post = replace(MADE["normal"](), recipe=None)
    with pytest.raises(OptionError, match="by hand"):
        post.refit(post.table)
    with pytest.raises(OptionError, match="by hand"):
        post.sensitivity()


# ---- the sampler ------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def sampled():
    return lam.pool_bayes(count_table(), engine="nuts", seed=4, chains=2, draws=2000, tune=500)


def test_a_sampled_posterior_answers_the_same(sampled):
    exact = MADE["binomial"]()
    assert sampled.draws(10, 2, seed=1).mu.shape == (2, 10)
    assert sampled.state.shape == (2, 2000)
    assert sampled.estimate == pytest.approx(exact.estimate, abs=6 * exact.se / np.sqrt(400))
    assert sampled.weights is None
    assert sampled.heterogeneity().q == pytest.approx(exact.heterogeneity().q)
    assert sampled.prediction().width > sampled.interval().width
    assert sampled.covariance == pytest.approx(sampled.se**2)
    assert "No-U-Turn" in sampled.methods_text()
    assert lam.results.PosteriorRegression is not type(sampled)


def test_leave_one_out_of_chains_is_exact(sampled):
    exact = MADE["binomial"]().loo()
    assert sampled.loo().elpd == pytest.approx(exact.elpd, abs=1e-6)


def test_a_refit_samples_again_with_the_same_lengths(sampled):
    rest = sampled.without("d")
    assert rest.engine == "nuts"
    assert rest.state.shape == (2, 2000)
    assert rest.k == 4
