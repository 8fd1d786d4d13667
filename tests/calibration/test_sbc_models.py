"""The stored calibration of the PyMC models: of the models as they are now, and passed."""

import ast
import dataclasses
import hashlib
import inspect
import json

import numpy as np
import pytest
from scipy import stats

import lamevidence as lam
from benchmarks.ranks import band_p, chi2_p
from benchmarks.sbc_cases import CASES
from benchmarks.sbc_models import PATH, Settings, fingerprint, limit, syntax, verdicts

STORED = json.loads(PATH.read_text(encoding="utf-8"))


def test_every_model_has_a_case():
    builders = {case.builder for case in CASES.values()}
    assert builders == {getattr(lam.models, name) for name in lam.models.__all__} - {lam.models.sample}
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


def test_the_hash_is_of_the_law_and_not_of_refusals(monkeypatch):
    """What may be refused changes no model that is built; a condition that chooses between laws is one."""
    settings = Settings()
    source = inspect.getsource
    before = {name: fingerprint(name, settings) for name in ("binomial", "normal_normal centred")}

    def changed(old, new):
        found = []

        def edited(thing):
            found.append(old in source(thing))
            return source(thing).replace(old, new)

        monkeypatch.setattr(inspect, "getsource", edited)
        after = {name: fingerprint(name, settings) for name in before}
        assert any(found), old  # the text is there
        return [name for name in before if after[name] != before[name]]

    assert changed("    check_independent(evidence)\n", "") == []
    assert changed("a model", "one model") == []
    assert changed("if evidence.k == 0:", "if evidence.k < 3:") == []
    assert changed("    for prior in (effect, spread):\n        check_law(prior, evidence)\n", "") == []
    assert changed("if evidence.k == 0:\n", "if evidence.k == 0:\n        mu = tau\n") == [*before]
    assert changed("mu is None else mu", "mu is not None else mu") == [*before]
    assert changed('if parametrisation == "centred":', 'if parametrisation != "centred":') == [*before]
    assert changed("pm.HalfNormal(name, ", "pm.HalfNormal(name, 2 * ") == [*before]


def test_the_syntax_reads_the_same_on_every_python():
    """The digest is of this text on every version; what `ast.unparse` writes of it changed in Python 3.12."""
    code = """
def law(x: float, *, width=3, **more) -> str:
    y = [a for a in x if a] + list(x[1:, None])
    return f'{x!r:>{width}} of "{y["a"]}"' " and" f" it's {more:.3g}" + 'say "so"' + "it's"
"""
    digest = "28c10a8a2d4b41997570ee6a316fdd5cffd2051f4891c5976318eb741b819aae"
    assert hashlib.sha256(syntax(ast.parse(code)).encode()).hexdigest() == digest
    laid_out = code.replace('" and" f" it', """f" and it""").replace("width=3, **more", "width = 3,\n **more")
    assert syntax(ast.parse(laid_out)) == syntax(ast.parse(code))
    for old, new in (("width=3", "width=4"), ("!r", "!s"), (" of ", " off "), ("3g", "4g"), ("**more", "more")):
        assert syntax(ast.parse(code.replace(old, new))) != syntax(ast.parse(code)), old


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
