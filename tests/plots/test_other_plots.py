import itertools

import matplotlib
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import lamevidence as lam
from lamevidence import plots
from lamevidence.foundation.errors import InputError, NotEstimable, OptionError, UnknownName
from lamevidence.foundation.values import Interval
from tests.plots.forest_samples import LABELS, Invented, proportion_fit, ratio_fit, risk_ratios, slope_fit, slopes
from tests.registry.test_flow import UPDATE
from tests.support.fits import fitted, odds_ratios


class Known:
    """A normal distribution with the surface of the package's own."""

    def __init__(self, mean, sd):
        self.law, self.median = stats.norm(mean, sd), mean

    def pdf(self, x):
        return self.law.pdf(x)

    def quantile(self, p):
        return self.law.ppf(p)

    def interval(self, level):
        return self.law.interval(level)


def influence():
    q, moved = [0.1, 0.9, 0.3, 2.1, 1.2, 0.5], [0.2, 0.1, 0.05, 0.6, 0.3, 0.2]
    return pd.DataFrame({"label": LABELS, "q": q, "influence": moved})


def diagnostics():
    studentized = np.array([0.2, -1.1, 0.4, 2.4, -0.3, 0.9])
    columns = {"label": LABELS, "studentized": studentized, "dffits": studentized / 2, "hat": [0.3, 0.1, 0.2] * 2}
    return pd.DataFrame(columns | {"influential": studentized > 2})


def quantiles():
    return pd.DataFrame(
        {"label": LABELS, "x": [-1.2, -0.6, -0.2, 0.2, 0.6, 1.2], "y": [-1.0, -0.7, 0.1, 0.2, 0.9, 2.3]}
    )


def analyses():
    middle = np.array([1.0, 1.6, 1.5, 1.9, 1.7, 1.3])
    return pd.DataFrame({"label": LABELS, "estimate": middle, "low": middle - 2.5, "high": middle + 2.5})


def line():
    x = np.array([12.0, 60.0])
    return pd.DataFrame({"x": x, "estimate": 4 - 0.08 * x, "low": 1 - 0.1 * x, "high": 8 - 0.05 * x})


def subsets():
    rng = np.random.default_rng(1)
    return pd.DataFrame({"estimate": rng.normal(size=800), "i2": rng.uniform(0, 80, size=800)})


def profile():
    tau = np.linspace(0, 8, 60)
    return pd.DataFrame({"tau": tau, "log_likelihood": -10 - (tau - 2) ** 2 / 3})


def checked():
    observed = [1, 4.3, 1.6, 12, -3.2, -2.4]
    return pd.DataFrame({"label": LABELS, "observed": observed, "low": [-5.0] * 6, "high": [8.0] * 6})


GALLERY = {
    "funnel": lambda: plots.funnel(ratio_fit()),
    "funnel-no-null": lambda: plots.funnel(proportion_fit()),
    "radial": lambda: plots.radial(slope_fit()),
    "baujat": lambda: plots.baujat(influence()),
    "labbe": lambda: plots.labbe(ratio_fit()),
    "bubble": lambda: plots.bubble(slope_fit(), "months", line=line()),
    "drapery": lambda: plots.drapery(_curve()),
    "estimates": lambda: plots.leave_one_out(analyses(), slopes()),
    "cumulative": lambda: plots.cumulative(analyses(), slopes(), layout="bmj"),
    "posterior": lambda: plots.posterior(Known(1.4, 1.5), prior=Known(0, 4), name="\u03bc", unit="mL/month"),
    "predictive": lambda: plots.predictive_intervals(checked(), name="FEV1 slope (mL/month)"),
    "specification curve": lambda: plots.specification_curve(
        lam.checks.multiverse(lam.EvidenceTable.from_estimates([0.1, 0.3, 0.6], vi=[0.03, 0.03, 0.01]), bayes=False)
    ),
    "prisma": lambda: plots.prisma_flow(lam.reports.prisma(UPDATE)),
    "gosh": lambda: plots.gosh(subsets(), name="Slope (mL/month)"),
    "orchard": lambda: plots.orchard(slope_fit()),
    "rob": lambda: plots.rob_summary(slopes()),
    "influence": lambda: plots.influence(diagnostics()),
    "quantiles": lambda: plots.normal_quantiles(quantiles()),
    "profile": lambda: plots.tau_profile(profile(), unit="mL/month"),
}


def _curve():
    class Curve(Invented):
        def interval(self, level=None):
            return Interval(*stats.norm(1.3, 1.27).interval(level))

    known = slope_fit()
    return Curve(known.table, known.mu, known.given, known.new, known.weights, known.found)


@pytest.mark.parametrize("name", GALLERY)
def test_every_figure_is_drawn_saved_and_leaves_no_trace(name, tmp_path):
    before = dict(matplotlib.rcParams)
    one, other = GALLERY[name](), GALLERY[name]()
    for suffix in ("png", "svg", "pdf"):
        a, b = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
        one.save(a, dpi=60)
        other.save(b, dpi=60)
        assert a.read_bytes() == b.read_bytes()
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("name", [n for n in GALLERY if n not in ("estimates", "cumulative")])
def test_no_text_of_a_figure_leaves_the_canvas(name):
    plot = GALLERY[name]()
    plot._repr_png_()
    drawn = plot.ax.get_tightbbox(plot.fig.canvas.get_renderer())
    canvas = plot.fig.bbox
    assert drawn.x0 >= canvas.x0 - 1
    assert drawn.y0 >= canvas.y0 - 1
    assert drawn.x1 <= canvas.x1 + 1
    assert drawn.y1 <= canvas.y1 + 1


def test_small_axes_of_one_figure_do_not_touch():
    plot = plots.influence(diagnostics())
    plot._repr_png_()
    boxes = [ax.get_tightbbox(plot.fig.canvas.get_renderer()) for ax in plot.fig.axes]
    assert all(a.x1 <= b.x0 for a, b in itertools.pairwise(boxes))
    assert "influential: Delta 2014" in plot.description


def test_a_funnel_shows_the_studies_where_they_are():
    plot = plots.funnel(ratio_fit())
    dots = next(line for line in plot.ax.lines if line.get_marker() == "o")
    assert dots.get_xdata() == pytest.approx(risk_ratios().yi)
    assert dots.get_ydata() == pytest.approx(risk_ratios().sei)


@pytest.mark.parametrize(
    "make",
    [
        lambda: fitted("random"),
        lambda: lam.pool(odds_ratios().subset([0, 1]), model="random", interval="HKSJ"),
        lambda: fitted("profile"),
        lambda: fitted("t-distributed effects"),
        lambda: fitted("glmm proportions"),
    ],
    ids=["HKSJ-floor", "k = 2", "profile", "t-distributed effects", "counts"],
)
def test_a_drapery_passes_through_the_intervals_of_every_level(make, monkeypatch):
    """Each end of a profile interval is a search: the curve is drawn through 20 levels, in 8 s when it was 122."""
    fit, asked = make(), []
    intervals = type(fit).intervals
    monkeypatch.setattr(type(fit), "intervals", lambda self, level=None: asked.append(level) or intervals(self, level))
    curve = max(plots.drapery(fit).ax.lines, key=lambda x: x.get_linewidth())
    monkeypatch.undo()
    assert len(asked) <= 22
    x, p = curve.get_xdata(), curve.get_ydata()
    assert p.max() == pytest.approx(1.0)
    for level in (0.03, 0.25, 0.5, 0.77, 0.9, 0.95, 0.99):
        for end in fit.intervals(level)[0]:
            assert np.interp(end, x, p) == pytest.approx(1 - level, abs=0.004 if fit.k == 2 else 0.002)


def test_the_axes_given_are_used():
    from matplotlib.figure import Figure

    figure = Figure()
    ax = figure.add_subplot()
    assert plots.funnel(ratio_fit(), ax=ax).ax is ax
    assert plots.radial(slope_fit(), ax=figure.add_subplot()).fig is figure


def test_frames_without_what_is_needed_are_refused():
    with pytest.raises(UnknownName, match="column"):
        plots.baujat(influence().drop(columns="q"))
    with pytest.raises(InputError, match="row 0"):
        plots.gosh(subsets().assign(i2=np.nan))
    with pytest.raises(NotEstimable, match="no rows"):
        plots.predictive_intervals(checked().iloc[:0])
    with pytest.raises(InputError, match="above its upper"):
        plots.estimates(analyses().assign(low=9.0), slopes())
    with pytest.raises(OptionError, match="two arms"):
        plots.labbe(slope_fit())
    with pytest.raises(UnknownName, match="did you mean 'months'"):
        plots.bubble(slope_fit(), "month")
    with pytest.raises(OptionError, match="risk-of-bias"):
        plots.rob_summary(risk_ratios())
    with pytest.raises(OptionError, match="distribution"):
        plots.posterior(3)


def test_curves_of_a_trial_pass_through_its_numbers():
    """The z-test of known variance, Φ(Δ/se − z), where nothing is borrowed; two trials, two lines with names."""
    wide = lam.priors.Normal(0, 1e6)
    trial = lam.synthesis.next_trial(n=(30, 15), sd=100.0, control=wide, effect=50.0, true_control=0.0)
    line = plots.trial_curves(trial).ax.lines[0]
    x, y = line.get_data()
    se = 100 * (1 / 30 + 1 / 15) ** 0.5
    assert np.asarray(y) == pytest.approx(stats.norm.cdf(np.asarray(x) / se - stats.norm.ppf(0.975)), abs=1e-3)
    borrowing = lam.synthesis.next_trial(n=(30, 15), sd=100.0, control=lam.priors.Normal(0, 20), effect=50.0)
    both = plots.trial_curves({"wide": trial, "borrowing": borrowing}, of="type_one_error")
    assert [t.get_text() for t in both.ax.get_legend().get_texts()] == ["wide", "borrowing"]
    assert "2 trials" in both.description
    assert borrowing.plot(of="type_one_error").description.startswith("Type I error of one trial")
    other = lam.synthesis.next_trial(n=(5, 5), sd=1.0, control=lam.priors.Normal(0, 1, unit="m"), effect=0.0)
    with pytest.raises(OptionError, match="draw each by itself"):
        plots.trial_curves({"a": trial, "b": other})
    with pytest.raises(OptionError, match="one to 6"):
        plots.trial_curves({})
