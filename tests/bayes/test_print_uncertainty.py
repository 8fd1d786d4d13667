"""The posterior of numbers known only as they are printed, against integrals and averages that are worked out here."""

import numpy as np
import pytest
from scipy import special

import lamevidence as lam
from lamevidence.bayes.counts.fitting import fit_two_level
from lamevidence.bayes.counts.likelihoods import Likelihood
from lamevidence.foundation.errors import InputError, NotEstimable, OptionError
from lamevidence.foundation.printed_law import PrintedLaw, Reading
from lamevidence.questions import Variation, varied

REGISTRY = lam.load_registry()
SLOPES = REGISTRY.evidence("fev1-slope-on-sirolimus")
PRIORS = {"mu": lam.priors.Normal(0, 240, unit="mL/year"), "tau": lam.priors.HalfNormal(72, unit="mL/year")}
OWN = {"mu": lam.priors.Normal(0, 4), "tau": lam.priors.HalfNormal(1)}
DAYS, MONTHS = 365.25, 12.0


def own_table(**options):
    return lam.EvidenceTable.from_estimates([1.2, -0.4, 2.0], sei=[0.5, 0.3, 0.9], digits=1, **options)


def simpson(low, high, size=17):
    w = np.ones(size)
    w[1:-1:2], w[2:-1:2] = 4.0, 2.0
    return np.linspace(low, high, size), w / w.sum()


def averaged(mu, tau, readings):
    """Σ over readings (probability, y, its half-width, lowest and highest SE) of the mean of N(y | μ, s² + τ²)."""
    total = 0.0
    for probability, y, half, low, high in readings:
        for s, w in zip(*simpson(low, high), strict=True):
            sd = np.sqrt(s * s + tau * tau)
            # the mean of a normal density over an interval of y is a difference of its distribution function
            total = total + probability * w * (
                special.ndtr((y + half - mu) / sd) - special.ndtr((y - half - mu) / sd)
            ) / (2 * half)
    return total


def brute_force(rows, mu_prior, tau_scale, centre, width):
    """Log evidence, mean and SD of μ, mean of τ, and the densities on the grid, by trapezoids over μ and log τ."""
    x, u = np.linspace(-5.0, 5.0, 601), np.linspace(np.log(tau_scale) - 14, np.log(tau_scale) + 2.2, 131)
    mu, tau = (centre + width * np.sinh(x))[None], np.exp(u)[:, None]
    weight = np.cosh(x) * width * (x[1] - x[0]) * tau * (u[1] - u[0])
    weight = weight * 2 / (tau_scale * np.sqrt(2 * np.pi)) * np.exp(-0.5 * (tau / tau_scale) ** 2)
    weight = weight * np.exp(-0.5 * ((mu - mu_prior[0]) / mu_prior[1]) ** 2) / (mu_prior[1] * np.sqrt(2 * np.pi))
    parts = [averaged(mu, tau, row) for row in rows]
    for part in parts:
        weight = weight * part
    total = weight.sum()
    share = weight / total
    mean = float((share * mu).sum())
    return {
        "log": float(np.log(total)),
        "mean": mean,
        "sd": float(np.sqrt((share * (mu - mean) ** 2).sum())),
        "tau": float((share * tau).sum()),
        "share": share,
        "parts": parts,
        "mu": mu,
        "grid_tau": tau,
    }


def test_rounding_of_three_estimates_is_integrated_exactly():
    rows = [[(1.0, y, 0.05, s - 0.05, s + 0.05)] for y, s in ((1.2, 0.5), (-0.4, 0.3), (2.0, 0.9))]
    truth = brute_force(rows, (0.0, 4.0), 1.0, 0.5, 0.4)
    post = lam.pool_bayes(own_table(), print_uncertainty=True, **OWN)
    assert post.log_marginal == pytest.approx(truth["log"], abs=1e-6)
    assert post.mu.mean == pytest.approx(truth["mean"], abs=1e-6)
    assert post.mu.sd == pytest.approx(truth["sd"], abs=1e-6)
    assert post.tau.mean == pytest.approx(truth["tau"], abs=1e-6)
    assert post.numerical_error < 1e-6


def printed_slopes():
    """Readings of the four slopes as their records print them: mL/month, mL/day, and an SD of 47 patients."""

    def read(y, half, s, half_s, factor, kinds):
        return [(p, y * factor, half * factor, (s - half_s) * f, (s + half_s) * f) for p, f in kinds]

    return [
        read(1, 0.5, 2, 0.5, MONTHS, [(0.5, MONTHS), (0.5, MONTHS / np.sqrt(46))]),
        read(1.19, 0.005, 0.26, 0.005, DAYS, [(0.5, DAYS), (0.5, DAYS / np.sqrt(10))]),
        read(11, 0.5, 75, 0.5, 1.0, [(1.0, 1 / np.sqrt(47))]),
        read(-10, 0.5, 15, 0.5, 1.0, [(1.0, 1.0)]),
    ]


def test_kinds_of_spread_get_the_probabilities_that_the_data_give_them():
    truth = brute_force(printed_slopes(), (0.0, 240.0), 72.0, 11.0, 8.0)
    post = lam.pool_bayes(SLOPES, likelihood="normal", print_uncertainty=True, **PRIORS)
    assert post.log_marginal == pytest.approx(truth["log"], abs=1e-6)
    assert post.mu.mean == pytest.approx(truth["mean"], rel=1e-6)
    assert post.mu.sd == pytest.approx(truth["sd"], rel=1e-6)
    assert post.tau.mean == pytest.approx(truth["tau"], rel=1e-6)
    frame = post.print_readings()
    for i, readings in enumerate(printed_slopes()):
        own = frame[frame["label"] == SLOPES.labels[i]]
        shares = [
            float(
                (
                    truth["share"]
                    * averaged(truth["mu"], truth["grid_tau"], [r])
                    / np.maximum(truth["parts"][i], 1e-300)
                ).sum()
            )
            for r in readings
        ]
        np.testing.assert_allclose(own["posterior"], shares, atol=1e-6)
    assert frame["kind"].tolist() == ["SE", "SD", "SE", "SD", "", "SE"]
    assert frame["probability"].tolist() == [0.5, 0.5, 0.5, 0.5, 1.0, 1.0]
    assert "number analysed is not reported" in frame["note"].iloc[-1]


def changes(rng, size):
    """Draws of estimate and SE of the three within-patient changes from the numbers that print as they do."""

    def about(x, half):
        return rng.uniform(x - half, x + half, size)

    def from_p(change, p, df):
        return np.abs(change) / special.stdtrit(df, 1 - 0.5 * p)

    first = (about(1.19, 0.005) - about(-2.30, 0.005)) * DAYS
    second = about(127.8, 0.05) - about(-115.4, 0.05)
    third = about(-10, 0.5) - about(-178, 0.5)
    a, b, r = about(36, 0.5), about(15, 0.5), rng.uniform(-0.5, 0.9, size)
    errors = (
        from_p(first, about(0.001, 0.0005), 9),
        from_p(second, about(0.015, 0.0005), 8),
        np.sqrt(a * a + b * b - 2 * r * a * b),
    )
    return np.column_stack([first, second, third]), np.column_stack(errors)


@pytest.mark.slow
def test_an_assumed_correlation_and_printed_p_values_agree_with_the_average_over_draws():
    table = REGISTRY.evidence("fev1-slope-within-patient-change")
    assert table.studies == ("neurohr-2011", "ando-2013", "hu-2019")
    post = lam.pool_bayes(table, likelihood="normal", print_uncertainty=True, **PRIORS)
    y, s = changes(np.random.default_rng(20261201), 1500)
    places = np.array([120.0, 180.0, 220.0, 260.0, 350.0])
    evidence, below = np.empty(y.shape[0]), np.empty((y.shape[0], places.size))
    for i in range(y.shape[0]):
        drawn = lam.pool_bayes(lam.EvidenceTable.from_estimates(y[i], sei=s[i], unit="mL/year"), **PRIORS)
        evidence[i], below[i] = np.exp(drawn.log_marginal - post.log_marginal), drawn.mu.cdf(places)
    error = evidence.std() / np.sqrt(evidence.size)
    assert abs(evidence.mean() - 1.0) < 4 * error
    assert error < 0.02
    gap = evidence[:, None] * (below - post.mu.cdf(places))
    assert np.all(np.abs(gap.mean(axis=0)) < 4 * gap.std(axis=0) / np.sqrt(evidence.size))


def test_draws_follow_the_laws():
    post = lam.pool_bayes(SLOPES, print_uncertainty=True, seed=3)
    draws = post.draws(4000).flat()
    for name, law, drawn in (
        ("mu", post.mu, draws["beta"][:, 0]),
        ("theta", post.theta["Neurohr 2011"], draws["theta"][:, 1]),
    ):
        u = np.sort(law.cdf(np.sort(drawn)))
        # Kolmogorov and Smirnov's 1 in 1000: 1.95/√n
        assert np.abs(u - np.arange(1, u.size + 1) / u.size).max() < 1.95 / np.sqrt(u.size), name


def test_one_component_is_the_plain_answer():
    """The mixture engine with a single normal law, against the closed form of known standard errors."""
    plain = lam.pool_bayes(own_table(), **OWN)
    table = own_table()
    exact = Reading("as given", "", 1.0)
    laws = tuple(
        PrintedLaw(np.array([y]), np.array([v]), np.ones(1), np.zeros(1, dtype=int), (exact,))
        for y, v in zip(table.yi, table.vi, strict=True)
    )
    table = lam.EvidenceTable(yi=table.yi, vi=table.vi, labels=table.labels, studies=table.studies, printed=laws)
    state = fit_two_level(table, Likelihood("normal", ""), *OWN.values())
    assert state.log_marginal == pytest.approx(plain.log_marginal, abs=1e-9)
    one = state.at(np.ones(1))
    assert one.mean == pytest.approx(plain.mu.mean, abs=1e-9)
    assert one.sd == pytest.approx(plain.mu.sd, abs=1e-9)
    np.testing.assert_allclose(one.interval(0.95), plain.mu.interval(), atol=1e-8)


@pytest.mark.parametrize("given", [False, None, {"rounding": False, "kind": 1.0, "r": False, "route": False}])
def test_without_print_uncertainty_nothing_changes(given):
    plain, post = (lam.pool_bayes(SLOPES, print_uncertainty=x) for x in (None, given))
    assert post.mu.interval() == plain.mu.interval()
    assert "over what is printed" not in post.describe()
    assert not any("printed enters" in note for note in post.notes)
    with pytest.raises(OptionError, match="print_uncertainty=True"):
        post.print_readings()


def test_whole_counts_as_estimates_have_nothing_uncertain():
    table = REGISTRY.evidence("completion-randomised")
    plain, post = (lam.pool_bayes(table, likelihood="normal", print_uncertainty=x) for x in (False, True))
    assert post.mu.interval() == plain.mu.interval()
    assert any("Nothing that is printed of these rows is uncertain" in note for note in post.notes)


def test_it_says_what_entered():
    post = lam.pool_bayes(SLOPES, print_uncertainty=True)
    assert "over what is printed (rounding, kind of ±)" in post.describe()
    assert "rounding (4 rows), kind of ± (2 rows); print_readings() lists each." in repr(post)
    assert "known only as they are printed" in post.methods_text()
    assert "known only as they are printed" not in lam.pool_bayes(SLOPES).methods_text()
    sure = lam.pool_bayes(SLOPES, print_uncertainty={"kind": 1.0})
    assert "over what is printed (rounding)," in sure.describe()
    assert sure.print_readings()["probability"].tolist() == [1.0] * 4
    trusted = lam.pool_bayes(SLOPES, print_uncertainty={"kind": 0.8, "rounding": False})
    assert trusted.print_readings()["probability"].tolist() == pytest.approx([0.8, 0.2, 0.8, 0.2, 1.0, 1.0])
    assert trusted.print_readings()["components"].tolist() == [1] * 6


def test_a_quantity_printed_twice_enters_by_both_routes():
    table = REGISTRY.evidence("fvc-change-12-months-randomised")
    frame = lam.pool_bayes(table, print_uncertainty=True).print_readings()
    assert frame["route"].tolist() == ["fvc-change.sirolimus and fvc-change.placebo", "fvc-change.difference"]
    assert frame["probability"].tolist() == [0.5, 0.5]
    frame = lam.pool_bayes(table, print_uncertainty={"route": False}).print_readings()
    assert frame["route"].tolist() == ["fvc-change.sirolimus and fvc-change.placebo"]


def test_refits_keep_what_entered():
    post = lam.pool_bayes(SLOPES, likelihood="normal", print_uncertainty={"kind": 0.7})
    other = post.without("Neurohr 2011")
    assert other.print_readings()["label"].nunique() == 3
    assert other.print_readings()["probability"].tolist() == pytest.approx([0.7, 0.3, 1.0, 1.0])
    again = lam.pool_bayes(SLOPES.without("Neurohr 2011"), likelihood="normal", print_uncertainty={"kind": 0.7})
    assert again.mu.interval() == other.mu.interval()
    assert post.refit(SLOPES).mu.interval() == post.mu.interval()
    # the result's own table goes in again without what entered it
    assert lam.pool_bayes(post.table).mu.interval() == lam.pool_bayes(SLOPES).mu.interval()


def test_leave_one_out_is_that_of_refits():
    post = lam.pool_bayes(SLOPES, likelihood="normal", print_uncertainty=True, **PRIORS)
    loo = post.loo()
    for i, label in enumerate(SLOPES.labels):
        others = post.without(label)
        assert loo.elpd[i] == pytest.approx(post.log_marginal - others.log_marginal, abs=1e-6)
        assert loo.mu[i] == pytest.approx(others.mu.median, abs=1e-4)


def test_leaving_each_study_out_keeps_what_entered():
    post = lam.pool_bayes(SLOPES, likelihood="normal", print_uncertainty=True, **PRIORS)
    found = lam.leave_one_out(post).to_frame()["estimate"]
    plain = lam.leave_one_out(lam.pool_bayes(SLOPES, likelihood="normal", **PRIORS)).to_frame()["estimate"]
    np.testing.assert_allclose(found, [post.without(label).estimate for label in SLOPES.labels], rtol=1e-6)
    assert np.abs(found - plain).min() > 0.1


def test_the_effect_of_a_row_integrates_to_its_moments():
    post = lam.pool_bayes(SLOPES, print_uncertainty=True)
    for label in SLOPES.labels:
        law = post.theta[label]
        x = np.sort(law.quantile((np.arange(4000) + 0.5) / 4000))
        assert x.mean() == pytest.approx(law.mean, abs=0.01 * law.sd)
        assert float(law.cdf(law.quantile(0.3))) == pytest.approx(0.3, abs=1e-6)


def test_everything_a_posterior_is_asked():
    post = lam.pool_bayes(SLOPES, likelihood="normal", print_uncertainty=True, seed=1)
    assert post.weights is None
    assert len(post.alternatives()) == 2
    assert post.sensitivity()["mu"].notna().all()
    assert post.bayes_factor(mu=0.0) > 0
    assert np.isfinite(lam.predictive_check(post, statistics=["q"], draws=200).observed["q"])
    told = post.to_json()
    assert told["mu"]["mean"] == pytest.approx(post.mu.mean)
    assert [r["posterior"] for r in told["readings"]] == post.print_readings()["posterior"].tolist()
    assert "readings" not in lam.pool_bayes(SLOPES).to_json()
    mixed = lam.priors.MixtureOfNormals([0.5, 0.5], [0, 50], [240, 100], unit="mL/year")
    mixed_post = lam.pool_bayes(SLOPES, likelihood="normal", print_uncertainty=True, mu=mixed)
    shares = mixed_post.print_readings().groupby("label")["posterior"].sum()
    np.testing.assert_allclose(shares, 1.0, atol=1e-9)
    with pytest.raises(OptionError, match="print uncertainty"):
        post.joint_mode()


def test_counts_are_refused_and_the_remedy_works():
    table = REGISTRY.evidence("serious-adverse-event-rate-ratio")
    with pytest.raises(OptionError, match=r"likelihood is one of counts.*leave print_uncertainty out"):
        lam.pool_bayes(table, print_uncertainty=True)
    lam.pool_bayes(table)


def test_a_table_without_print_is_refused_and_the_remedies_work():
    yi, sei = [0.2, 0.5, 0.1], [0.2, 0.1, 0.3]
    table = lam.EvidenceTable.from_estimates(yi, sei=sei)
    with pytest.raises(
        NotEstimable, match=r"1: it is no printed estimate.*from_estimates.*leave print_uncertainty out"
    ):
        lam.pool_bayes(table, print_uncertainty=True, **OWN)
    lam.pool_bayes(table, **OWN)
    digits = lam.EvidenceTable.from_estimates(yi, sei=sei, digits=(1, 1))
    assert lam.pool_bayes(digits, print_uncertainty=True, **OWN).print_readings()["components"].min() > 1


def test_rounding_to_a_standard_error_of_nothing_is_refused_and_the_remedies_work():
    table = lam.EvidenceTable.from_estimates([1.0, 2.0, 4.0], sei=[2.0, 1.0, 0.4], digits=0, labels=["A", "B", "C"])
    with pytest.raises(NotEstimable, match=r"C: its rounding allows a standard error of 0.*without\('C'\)"):
        lam.pool_bayes(table, print_uncertainty=True, **OWN)
    assert lam.pool_bayes(table.without("C"), print_uncertainty=True, **OWN).k == 2
    assert lam.pool_bayes(table, print_uncertainty={"rounding": False}, **OWN).k == 3


def test_what_does_not_go_with_it_is_refused_and_the_remedy_works():
    with pytest.raises(OptionError, match="leave engine='nuts' out"):
        lam.pool_bayes(SLOPES, print_uncertainty=True, engine="nuts")
    with pytest.raises(OptionError, match="leave moderators out"):
        lam.pool_bayes(SLOPES, print_uncertainty=True, moderators=np.array([[1, 0], [1, 1], [1, 0], [1, 1]]))
    with pytest.raises(OptionError, match="write True, or a mapping"):
        lam.pool_bayes(SLOPES, print_uncertainty="yes")
    with pytest.raises(OptionError, match="kinds"):
        lam.pool_bayes(SLOPES, print_uncertainty={"kinds": 0.5})
    post = lam.pool_bayes(SLOPES, print_uncertainty=True)
    with pytest.raises(OptionError, match="print_uncertainty=False"):
        lam.checks.rounding_interval(post)


def test_moved_estimates_are_no_longer_what_is_printed():
    moved = lam.EvidenceTable(
        yi=SLOPES.yi + 1, vi=SLOPES.vi, labels=SLOPES.labels, studies=SLOPES.studies, lineage=SLOPES.lineage,
        unit="mL/year", measure="MN", n=SLOPES.n,
    )  # fmt: skip
    with pytest.raises(InputError, match="no longer the one that was derived"):
        lam.pool_bayes(moved, print_uncertainty=True)


def test_digits_are_bounds_of_a_rounding_interval_too():
    fit = lam.pool(own_table(), model="common")
    found = lam.checks.rounding_interval(fit)
    assert found.yi.tolist()[0] == pytest.approx([1.15, 1.25])
    assert found.vi.tolist()[1] == pytest.approx([0.25**2, 0.35**2])
    with pytest.raises(OptionError, match="give sei"):
        lam.EvidenceTable.from_estimates([1.0], vi=[1.0], digits=1)
    assert lam.EvidenceTable.from_estimates([1.0], sei=[1.0], digits=1).k == 1


def test_a_set_of_a_question_may_ask_for_it():
    because = "numbers known as printed"
    asked = varied(
        REGISTRY.question("fev1-slope-on-sirolimus"), Variation("print", because, bayes={"print_uncertainty": True})
    )
    post = lam.pool_bayes(REGISTRY.evidence(asked))
    assert post.mu.interval() == lam.pool_bayes(SLOPES, print_uncertainty=True).mu.interval()
    assert not lam.pool_bayes(REGISTRY.evidence(asked), print_uncertainty=False).table.printed
