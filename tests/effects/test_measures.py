"""Numbers of papers and of R for single measures; laws that hold for all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lamevidence as lam
from lamevidence.effects.measures import MEASURES
from lamevidence.foundation.errors import InputError, OptionError, UnknownName

SWAPPED = {
    "two-by-two": {"ai": "ci", "bi": "di", "n1i": "n2i"},
    "person-time": {"x1i": "x2i", "t1i": "t2i"},
    "means": {"m1i": "m2i", "sd1i": "sd2i", "n1i": "n2i"},
}
ANTISYMMETRIC = [
    code
    for code in MEASURES
    if MEASURES[code].family in SWAPPED and "flip" in MEASURES[code].options and code not in ("SMD1", "SMD1H", "CLESN")
]


def sample(family: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
    if family == "two-by-two":
        n1, n2 = rng.integers(20, 200, 4), rng.integers(20, 200, 4)
        return {"ai": rng.integers(3, 15, 4), "n1i": n1, "ci": rng.integers(3, 15, 4), "n2i": n2}
    if family == "person-time":
        return {
            "x1i": rng.integers(1, 30, 4),
            "t1i": rng.uniform(5, 90, 4),
            "x2i": rng.integers(1, 30, 4),
            "t2i": rng.uniform(5, 90, 4),
        }
    return {
        "m1i": rng.uniform(5, 9, 4),
        "sd1i": rng.uniform(1, 3, 4),
        "n1i": rng.integers(5, 90, 4),
        "m2i": rng.uniform(5, 9, 4),
        "sd2i": rng.uniform(1, 3, 4),
        "n2i": rng.integers(5, 90, 4),
    }


def test_bcg_log_risk_ratio():
    """Colditz 1994, trials 1 and 8."""
    r = lam.escalc("RR", ai=[4, 505], bi=[119, 87886], ci=[11, 499], di=[128, 87892])
    np.testing.assert_allclose(r.yi, [-0.88931133, 0.011952334], rtol=1e-7)
    np.testing.assert_allclose(r.vi, [0.32558477, 0.0039615793], rtol=1e-7)


@pytest.mark.parametrize(
    ("code", "yi", "vi"),
    [
        ("MC", 4.0, 0.26178571),
        ("SMCC", 0.9963858, 0.0249399),
        ("SMCR", 0.7209672, 0.0143316),
        ("SMCRH", 0.7209672, None),
        ("ROMC", None, 0.00042914),
    ],
)
def test_pre_post_measures(code, yi, vi):
    """m 26, 22; SD √30, √20; n 60; r 0.7 (R; the 5.x ROMC carries a bias correction)."""
    r = lam.escalc(code, m1i=26, sd1i=30**0.5, m2i=22, sd2i=20**0.5, ni=60, ri=0.7)
    if yi is not None:
        assert r.yi[0] == pytest.approx(yi, rel=1e-6)
    if vi is not None:
        assert r.vi[0] == pytest.approx(vi, rel=2e-5)


@pytest.mark.parametrize("code", ANTISYMMETRIC)
def test_swapping_the_groups_changes_the_sign(code):
    measure = MEASURES[code]
    data = sample(measure.family, np.random.default_rng(7))
    data = {k: v for k, v in data.items() if k in measure.needs}
    there = SWAPPED[measure.family]
    back = {v: k for k, v in there.items()}
    swapped = {(there | back)[k]: v for k, v in data.items()}
    one, other = lam.escalc(code, **data), lam.escalc(code, **swapped)
    np.testing.assert_allclose(other.yi, -one.yi, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(other.vi, one.vi, rtol=1e-9)
    flipped = lam.escalc(code, **data, flip=True)
    np.testing.assert_allclose(flipped.yi, -one.yi, rtol=1e-12)


@given(scale=st.floats(1e-6, 1e6), shift=st.floats(-1e3, 1e3))
@settings(max_examples=50, deadline=None)
def test_mean_measures_are_equivariant(scale, shift):
    data = {"m1i": 3.0, "sd1i": 1.5, "n1i": 20, "m2i": 2.0, "sd2i": 1.2, "n2i": 25}
    moved = data | {k: (data[k] + (shift if k[0] == "m" else 0)) * scale for k in ("m1i", "m2i", "sd1i", "sd2i")}
    md, md_moved = lam.escalc("MD", **data), lam.escalc("MD", **moved)
    assert md_moved.yi[0] == pytest.approx(scale * md.yi[0], rel=1e-9)
    assert md_moved.vi[0] == pytest.approx(scale**2 * md.vi[0], rel=1e-9)
    for code in ("SMD", "SMDH", "VR"):
        needs = MEASURES[code].needs
        a = lam.escalc(code, **{k: data[k] for k in needs})
        b = lam.escalc(code, **{k: moved[k] for k in needs})
        assert b.yi[0] == pytest.approx(a.yi[0], rel=1e-8)


@pytest.mark.parametrize("code", list(MEASURES))
def test_back_undoes_forward_and_every_measure_is_documented(code):
    measure = MEASURES[code]
    x = np.array([0.1, 0.4, 0.8])
    np.testing.assert_allclose(measure.back(measure.forward(x)), x, rtol=1e-12)
    assert measure.reference
    assert measure.estimate.__doc__
    assert measure.label()
    assert measure.label(transformed=True)


def test_leading_axes_are_kept():
    one = lam.escalc("OR", ai=[4, 6], n1i=[100, 90], ci=[8, 3], n2i=[100, 80], vtype="AV")
    many = lam.escalc("OR", ai=[[4, 6]] * 3, n1i=[[100, 90]] * 3, ci=[[8, 3]] * 3, n2i=[[100, 80]] * 3, vtype="AV")
    np.testing.assert_array_equal(many.vi, np.broadcast_to(one.vi, (3, 2)))


def test_results_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        lam.escalc("MN", mi=[1.0], sdi=[1.0], ni=[4]).yi[0] = 2


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: lam.escalc("ORR", ai=1), UnknownName, "effect measure 'ORR'"),
        (lambda: lam.escalc("OR", ai=1, n1i=4, ci=1), OptionError, "is made from ai n1i ci n2i"),
        (lambda: lam.escalc("OR", ai=1, n1i=4, ci=1, n2i=4, vtype="UB"), OptionError, "choices: LS, AV"),
        (lambda: lam.escalc("OR", ai=1, n1i=4, ci=1, n2i=4, add=-1), OptionError, "finite number"),
        (lambda: lam.escalc("OR", ai=1, n1i=4, ci=1, n2i=4, correct=False), OptionError, "has no option|does not use"),
        (lambda: lam.escalc("OR", ai=5, n1i=4, ci=1, n2i=4), InputError, r"ai\[0\] = 5: more events than n1i"),
        (lambda: lam.escalc("PR", xi=-1, ni=4), InputError, "negative"),
        (lambda: lam.escalc("IR", xi=1, ti=0), InputError, "person-time must be positive"),
        (lambda: lam.escalc("COR", ri=1.2, ni=9), InputError, "correlation lies between"),
        (lambda: lam.escalc("MN", mi=[1, 2], sdi=[1, 2, 3], ni=9), InputError, "differ in length"),
        (lambda: lam.escalc("MN", mi="a", sdi=1, ni=9), InputError, "not a number"),
        (lambda: lam.escalc("MN", mi=np.inf, sdi=1, ni=9), InputError, "infinite"),
    ],
)
def test_bad_input_has_its_own_message(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_missing_numbers_and_uncorrected_zeros_are_nan():
    r = lam.escalc("OR", ai=[0, np.nan, 3], n1i=[10, 10, 10], ci=[2, 2, 2], n2i=[10, 10, 10], to="none")
    assert np.isnan(r.yi).tolist() == [True, True, False]
    assert np.isnan(r.vi).tolist() == [True, True, False]
