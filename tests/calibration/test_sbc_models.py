"""The stored calibration of the PyMC models: of the models as they are now, and passed."""

import dataclasses
import inspect
import json

import numpy as np
import pytest
from scipy import stats

import lamevidence as lam
from benchmarks.ranks import band_p, chi2_p
from benchmarks.sbc_cases import CASES
from benchmarks.sbc_models import PATH, Settings, fingerprint, limit, verdicts

STORED = json.loads(PATH.read_text(encoding="utf-8"))


def test_every_model_has_a_case():
    builders = {case.builder for case in CASES.values()}
    assert builders == {getattr(lam.models, name) for name in lam.models.__all__}
    assert list(STORED) == list(CASES)


@pytest.mark.parametrize("name", CASES)
def test_the_stored_ranks_are_of_the_present_model(name):
    assert STORED[name]["settings"] == dataclasses.asdict(Settings())
    assert STORED[name]["hash"] == fingerprint(name, Settings()), (
        f"the model, its priors or its design changed since it was calibrated · run"
        f" python -m benchmarks.sbc_models --model {name!r}"
    )


def test_every_model_is_calibrated():
    found = verdicts(STORED)
    least = limit(found)
    for name, quantities in found.items():
        assert {*CASES[name].ranked, "log_likelihood"} == set(quantities)
        for quantity, p in quantities.items():
            assert min(p) >= least, (name, quantity, p)


def test_the_hash_is_of_code_and_not_of_comments(monkeypatch):
    settings = Settings()
    before = fingerprint("binomial", settings)
    assert fingerprint("binomial", dataclasses.replace(settings, draws=401)) != before
    source = inspect.getsource

    def edited(old, new):
        monkeypatch.setattr(inspect, "getsource", lambda thing: source(thing).replace(old, new))
        return fingerprint("binomial", settings)

    assert edited('"""Return rᵢ', '"""Give rᵢ') == before
    assert edited("    z = pm.Normal(", "    # standard\n\n    z = pm.Normal(") == before
    assert edited("centre + tau * z", "centre + 2 * tau * z") != before
    assert edited("special.expit(p", "special.ndtr(p") != before


def test_the_band_against_simulation():
    """p-values of uniform ranks are uniform, up to the steps of a discrete statistic, and wrong ranks are found."""
    rng = np.random.default_rng(1)
    p = np.array([band_p(rng.integers(0, 20, 50), 19) for _ in range(400)])
    for level in (0.05, 0.25, 0.5):
        share = stats.binom(400, level)
        assert share.ppf(5e-4) - 40 * level <= (p <= level).sum() <= share.ppf(1 - 5e-4)
    ranks = rng.integers(0, 100, 200)
    assert band_p(ranks // 2 + 25, 99) < 1e-9
    assert band_p(np.minimum(ranks + 25, 99), 99) < 1e-6
    assert chi2_p(ranks // 2, 99) < 1e-9
    with pytest.raises(ValueError, match="equal bins"):
        chi2_p(ranks, 100)
