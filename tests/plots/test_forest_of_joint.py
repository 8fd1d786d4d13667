"""What a forest says of fitted values is what it draws: diamonds where they have intervals, grey lines where not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.text import Text

import lamevidence as lam


def _words(plot: lam.plots.ForestPlot) -> str:
    found: list[Any] = plot.ax.figure.findobj(Text)
    return " ".join(text.get_text() for text in found)


def test_fitted_values_are_named_as_they_are_drawn() -> None:
    frame = pd.DataFrame(
        {
            "study": ["a", "a", "b", "c"],
            "y": [-144.0, 12.0, -118.0, 11.0],
            "se": [24.0, 24.0, 21.7, 10.9],
            "on": [0, 1, 0, 1],
        }
    )
    joint = lam.synthesis.joint(frame, yi="y", sei="se", study="study", treated="on")
    drawn = lam.forest(joint, group=None)
    assert np.isnan(drawn.rows["fitted_low"].dropna()).all()
    assert "Grey lines: fitted value" in _words(drawn)
    table = lam.EvidenceTable.from_estimates([0.1, 0.4, 0.3, 0.8], sei=[0.1] * 4, moderators={"x": [0.0, 1, 2, 3]})
    bounded = lam.forest(lam.pool(table, moderators="~ x"))
    assert np.isfinite(bounded.rows["fitted_low"]).any()
    assert "Open diamonds: fitted value" in _words(bounded)
