import matplotlib
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lamevidence import plots
from lamevidence.errors import InputError, NotEstimable, OptionError, UnknownName
from tests.plots.forest_samples import LABELS, proportion_fit, ratio_fit, risk_ratios, slope_fit, slopes


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
    "funnel": lambda: plots.plot_funnel(ratio_fit()),
    "funnel-no-null": lambda: plots.plot_funnel(proportion_fit()),
    "radial": lambda: plots.plot_radial(slope_fit()),
    "baujat": lambda: plots.plot_baujat(influence()),
    "labbe": lambda: plots.plot_labbe(ratio_fit()),
    "bubble": lambda: plots.plot_bubble(slope_fit(), "months", line=line()),
    "drapery": lambda: plots.plot_drapery(_curve()),
    "estimates": lambda: plots.plot_leave_one_out(analyses(), slopes()),
    "cumulative": lambda: plots.plot_cumulative(analyses(), slopes(), layout="bmj"),
    "posterior": lambda: plots.plot_posterior(Known(1.4, 1.5), prior=Known(0, 4), name="\u03bc", unit="mL/month"),
    "predictive": lambda: plots.plot_predictive_intervals(checked(), name="FEV1 slope (mL/month)"),
    "gosh": lambda: plots.plot_gosh(subsets(), name="Slope (mL/month)"),
    "orchard": lambda: plots.plot_orchard(slope_fit()),
    "rob": lambda: plots.plot_rob_summary(slopes()),
    "profile": lambda: plots.plot_tau_profile(profile(), unit="mL/month"),
}


def _curve():
    result = slope_fit()
    result.interval = lambda level: tuple(stats.norm(1.3, 1.27).interval(level))
    return result


@pytest.mark.parametrize("name", GALLERY)
def test_every_figure_is_drawn_saved_and_leaves_no_trace(name, tmp_path):
    before = dict(matplotlib.rcParams)
    for suffix in ("png", "svg", "pdf"):
        a, b = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
        GALLERY[name]().save(a, dpi=60)
        GALLERY[name]().save(b, dpi=60)
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


def test_a_funnel_shows_the_studies_where_they_are():
    plot = plots.plot_funnel(ratio_fit())
    dots = next(line for line in plot.ax.lines if line.get_marker() == "o")
    assert dots.get_xdata() == pytest.approx(risk_ratios().yi)
    assert dots.get_ydata() == pytest.approx(risk_ratios().sei)


def test_a_drapery_passes_through_the_interval():
    plot = plots.plot_drapery(_curve())
    curve = max(plot.ax.lines, key=lambda x: x.get_linewidth())
    low, high = _curve().interval(0.9)
    assert np.interp(low, curve.get_xdata()[:120], curve.get_ydata()[:120]) == pytest.approx(0.1, abs=0.002)
    assert high > low


def test_the_axes_given_are_used():
    from matplotlib.figure import Figure

    figure = Figure()
    ax = figure.add_subplot()
    assert plots.plot_funnel(ratio_fit(), ax=ax).ax is ax
    assert plots.plot_radial(slope_fit(), ax=figure.add_subplot()).fig is figure


def test_frames_without_what_is_needed_are_refused():
    with pytest.raises(UnknownName, match="column"):
        plots.plot_baujat(influence().drop(columns="q"))
    with pytest.raises(InputError, match="row 0"):
        plots.plot_gosh(subsets().assign(i2=np.nan))
    with pytest.raises(NotEstimable, match="no rows"):
        plots.plot_predictive_intervals(checked().iloc[:0])
    with pytest.raises(InputError, match="above its upper"):
        plots.plot_estimates(analyses().assign(low=9.0), slopes())
    with pytest.raises(OptionError, match="two arms"):
        plots.plot_labbe(slope_fit())
    with pytest.raises(UnknownName, match="did you mean 'months'"):
        plots.plot_bubble(slope_fit(), "month")
    with pytest.raises(OptionError, match="risk-of-bias"):
        plots.plot_rob_summary(risk_ratios())
    with pytest.raises(OptionError, match="distribution"):
        plots.plot_posterior(3)
