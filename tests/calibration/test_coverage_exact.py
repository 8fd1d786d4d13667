"""The table of coverage that the package states for its default prior of slopes, regenerated."""

import numpy as np
import pytest

from benchmarks.coverage import coverage

# 10 000 data sets a cell, computed independently
STATED = {
    (2, 3.0): (0.995, 0.999),
    (2, 6.0): (0.942, 0.945),
    (2, 9.0): (0.868, 0.862),
    (2, 12.0): (0.797, 0.786),
    (3, 6.0): (0.936, 0.938),
    (3, 12.0): (0.826, 0.817),
    (5, 6.0): (0.935, 0.924),
    (5, 12.0): (0.869, 0.868),
    (10, 3.0): (0.956, 0.949),
    (10, 12.0): (0.912, 0.905),
}


@pytest.mark.parametrize(("cell", "stated"), STATED.items(), ids=str)
def test_coverage_within_monte_carlo_error(cell, stated):
    sets = 5000
    got = coverage(*cell, sets, 7)
    for ours, theirs in zip(got, stated, strict=True):
        error = np.sqrt(theirs * (1 - theirs) * (1 / sets + 1 / 10_000))
        assert abs(ours - theirs) < 4 * error + 5e-4  # stated to three digits
