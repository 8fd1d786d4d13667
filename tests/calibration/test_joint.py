"""The stored calibration and coverage of the joint synthesis, of the present code, and the page that tells them."""

import json

import numpy as np
import pytest

from benchmarks import coverage_joint, sbc_joint
from tests.calibration.ecdf_bands import inside

CALIBRATION = json.loads(sbc_joint.PATH.read_text(encoding="utf-8"))
COVERAGE = json.loads(coverage_joint.PATH.read_text(encoding="utf-8"))
BELOW = {name: np.array(text.split(), dtype=float) for name, text in CALIBRATION["below"].items()}
ALPHA = 0.05 / len(sbc_joint.QUANTITIES)
"""Of one quantity; together one chance in twenty that a right posterior is doubted."""


def test_truth_is_uniform_in_its_posterior():
    assert tuple(BELOW) == sbc_joint.QUANTITIES
    assert {u.size for u in BELOW.values()} == {CALIBRATION["sets"]}
    assert [name for name, u in BELOW.items() if not inside(u, ALPHA)] == []


def test_posteriors_too_narrow_or_off_would_be_seen():
    """The same places in posteriors whose SDs are a fifth too small, or that lie a fifth of one off."""
    from scipy.special import ndtr, ndtri

    z = ndtri(np.clip(BELOW["effect"], 1e-5, 1 - 1e-5))
    assert not inside(ndtr(1.25 * z), ALPHA)
    assert not inside(ndtr(z + 0.2), ALPHA)


@pytest.mark.parametrize("number", [0, 1, CALIBRATION["sets"] - 1])
def test_stored_places_are_of_the_present_posterior(number):
    stored = [u[number] for u in BELOW.values()]
    np.testing.assert_allclose(sbc_joint.places(number), stored, atol=2.1 * 10**-sbc_joint.DIGITS)


def test_every_cell_is_there():
    names = {coverage_joint.name_of(b, t) for b in coverage_joint.BIASES for t in coverage_joint.TAUS}
    assert set(COVERAGE["cells"]) == names


def test_the_joint_interval_covers_and_what_takes_biased_slopes_as_untreated_does_not():
    """With a bias of −200 the others are off, or miss the effect; a τ of 60 is beyond the prior of it."""
    for name, cell in COVERAGE["cells"].items():
        least = (0.85 if name.endswith(" 60") else 0.95) - 4 * np.sqrt(0.95 * 0.05 / cell["sets"])
        assert cell["joint"]["coverage"] >= least, name
        assert cell["naive, common"]["coverage"] < 0.6, name
        if not name.startswith("bias -200"):
            continue
        most = 0.95 - 2 * np.sqrt(0.95 * 0.05 / cell["sets"])
        assert max(cell[rival]["coverage"] for rival in ("joint without bias", "naive, common")) < most, name
        for rival in ("joint without bias", "naive, random"):
            assert cell[rival]["off"] > abs(cell["joint"]["off"]) + 20, name
        assert cell["naive, random"]["width"] > cell["joint"]["width"], name


def test_a_cell_anew():
    """Four data sets of the worst world: the intervals as computed now, from the seeds of the file."""
    now, again = (coverage_joint.cell(-200.0, 0.0, 4) for _ in range(2))
    assert now == again
    assert set(now) == {"sets", *coverage_joint.METHODS}
    assert now["joint without bias"]["off"] > now["joint"]["off"]


def test_the_page_names_where_the_joint_interval_falls_short():
    cells = {name: {**cell, "joint": {**cell["joint"], "coverage": 0.94}} for name, cell in COVERAGE["cells"].items()}
    assert "0.93 of the sets or more everywhere" in coverage_joint.page({**COVERAGE, "cells": cells}, CALIBRATION)
    cells["bias 0, tau_effect 60"]["joint"]["coverage"] = 0.9
    assert "falls short of 0.93 at bias 0, tau_effect 60 (0.900)" in coverage_joint.page(
        {**COVERAGE, "cells": cells}, CALIBRATION
    )
    cells["bias 0, tau_effect 60"]["sets"] += 10_000
    assert f" or {cells['bias 0, tau_effect 60']['sets']} data sets a cell" in coverage_joint.page(
        {**COVERAGE, "cells": cells}, CALIBRATION
    )
    del cells["bias 0, tau_effect 0"]
    assert "| 0, 0 | not computed yet |" in coverage_joint.page({**COVERAGE, "cells": cells}, CALIBRATION)


def test_the_page_is_of_the_stored_files():
    assert coverage_joint.PAGE.read_text(encoding="utf-8") == coverage_joint.page(COVERAGE, CALIBRATION)
