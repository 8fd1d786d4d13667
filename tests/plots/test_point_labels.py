"""Names beside points: none covers another, a dot or the edge, and what finds no room is said."""

import numpy as np
import pandas as pd
from matplotlib.text import Text

import lamevidence as lam
from lamevidence import plots


def _boxes(plot):
    renderer = plot.fig.canvas.get_renderer()
    return [Text.get_window_extent(text, renderer) for text in plot.ax.texts]  # of the words, without the leader


def test_names_of_near_points_do_not_cover_each_other():
    rng = np.random.default_rng(5)
    x, y = rng.gamma(1.0, size=(2, 15))
    frame = pd.DataFrame({"label": [f"Somebody {1980 + i}" for i in range(15)], "q": x, "influence": y})
    plot = plots.baujat(frame)
    plot._repr_png_()
    boxes = _boxes(plot)
    assert len(boxes) == 15
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_a_crowd_is_counted_where_it_cannot_be_named():
    frame = pd.DataFrame({"label": [f"Somebody {i}" for i in range(200)], "q": [1.0] * 200, "influence": [1.0] * 200})
    plot = plots.baujat(frame)
    assert "too close together to be named" in plot.ax.get_title(loc="left")
    assert "too close together to be named" in plot.description


def test_a_regression_on_one_moderator_draws_its_own_line():
    table = lam.EvidenceTable.from_estimates(
        [0.1, 0.5, 0.9, 0.2, 1.4], vi=[0.04, 0.09, 0.1, 0.02, 0.3], moderators={"dose": [1, 2, 3, 4, 5]}
    )
    fit = lam.pool(table, moderators="~ dose")
    line = plots.bubble(fit, "dose").ax.lines[0]
    ends = fit.predict({"dose": [1.0, 5.0]})["mean"].to_numpy()
    np.testing.assert_allclose(np.asarray(line.get_ydata())[[0, -1]], ends, rtol=1e-12)


def test_a_predictive_figure_names_quantity_and_unit():
    table = lam.EvidenceTable.from_estimates([1, 4, -2.5], sei=[2, 3, 3.5], unit="mL/year")
    post = lam.pool_bayes(
        table, mu=lam.priors.Normal(0, 20, unit="mL/year"), tau=lam.priors.HalfNormal(4, unit="mL/year")
    )
    assert "(mL/year)" in lam.predictive_check(post, seed=1).plot().ax.get_xlabel()
