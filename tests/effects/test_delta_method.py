"""The delta method: derivatives against mpmath, variances against draws and published formulas; refusals."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest

import lamevidence as lam
from lamevidence.errors import InputError, NotEstimable, OptionError, UnknownName

delta = lam.effects.delta
AB = {"a": 12.0, "b": 8.0}
SE = {"a": 1.2, "b": 0.8}

FUNCTIONS = {
    "log(a / b)": lambda a, b: mp.log(a / b),
    "a - b": lambda a, b: a - b,
    "a / b": lambda a, b: a / b,
    "a * b ** 2 - 3": lambda a, b: a * b**2 - 3,
    "sqrt(a + b) * exp(-a / 100)": lambda a, b: mp.sqrt(a + b) * mp.exp(-a / 100),
    "a ** (b / 8)": lambda a, b: a ** (b / 8),
    "expit(a - 12) + logit(b / 10)": lambda a, b: 1 / (1 + mp.exp(12 - a)) + mp.log(b / 10 / (1 - b / 10)),
    "log2(a) + log10(b) + 1 / a": lambda a, b: mp.log(a, 2) + mp.log(b, 10) + 1 / a,
    "(a ** -2) * 100 + (+b)": lambda a, b: 100 / a**2 + b,
}
"""Expression → the same in mpmath, which differentiates numerically in 40 digits."""


@pytest.mark.parametrize("text", FUNCTIONS)
def test_value_covariance_and_second_order_against_mpmath(text):
    V = np.array([[0.09, 0.02], [0.02, 0.04]])
    found = delta(AB, text, V=V)
    with mp.workdps(40):
        f, at = FUNCTIONS[text], (mp.mpf(12), mp.mpf(8))
        G = np.array([float(mp.diff(f, at, n)) for n in ((1, 0), (0, 1))])
        H = np.array([[float(mp.diff(f, at, n)) for n in row] for row in (((2, 0), (1, 1)), ((1, 1), (0, 2)))])
        assert found.yi[0] == pytest.approx(float(f(*at)), rel=1e-14)
    np.testing.assert_allclose(found.gradient[0], G, rtol=1e-13)
    assert found.vi[0] == pytest.approx(G @ V @ G, rel=1e-12)
    assert found.bias[0] == pytest.approx(0.5 * np.trace(H @ V), rel=1e-11, abs=1e-15)
    ratio = math.sqrt(0.5 * np.trace(H @ V @ H @ V) / (G @ V @ G))
    assert found.second_order[0] == pytest.approx(ratio, rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("text", FUNCTIONS)
def test_a_python_function_gives_what_the_expression_gives(text):
    words = {"expit": lambda x: 1 / (1 + np.exp(-x)), "logit": lambda x: np.log(x / (1 - x))}
    names = {name: getattr(np, name) for name in ("log", "log2", "log10", "exp", "sqrt")} | words
    V = np.array([[0.09, 0.02], [0.02, 0.04]])
    by_steps = delta(AB, lambda a, b: eval(text, {**names, "a": a, "b": b}), V=V)
    by_rules = delta(AB, text, V=V)
    assert by_steps.yi[0] == pytest.approx(by_rules.yi[0], rel=1e-14)
    np.testing.assert_allclose(by_steps.gradient, by_rules.gradient, rtol=1e-13)
    assert by_steps.second_order[0] == pytest.approx(by_rules.second_order[0], rel=1e-5, abs=1e-7)


def test_it_gives_published_formulas_of_measures():
    """Log odds ratio of 2 × 2 cells, log ratio of means, and a difference of two of them that share a control."""
    cells = {"a": 12.0, "b": 28.0, "c": 6.0, "d": 34.0}
    log_or = delta(cells, "log(a * d / (b * c))", vi=cells)  # Poisson cells: variance = mean
    assert log_or.vi[0] == pytest.approx(1 / 12 + 1 / 28 + 1 / 6 + 1 / 34, rel=1e-13)
    ours = lam.escalc("ROM", m1i=[12.0], sd1i=[4.0], n1i=[20], m2i=[8.0], sd2i=[3.0], n2i=[25])
    rom = delta({"a": 12.0, "b": 8.0}, "log(a / b)", vi=[16 / 20, 9 / 25])
    assert rom.yi[0] - rom.bias[0] == pytest.approx(ours.yi[0], rel=1e-13)  # metafor corrects the second-order bias
    assert rom.vi[0] == pytest.approx(ours.vi[0], rel=1e-13)
    shared = delta({"a": 5.0, "b": 4.0, "p": 3.0}, {"a v p": "a - p", "b v p": "b - p"}, vi=[0.3, 0.2, 0.1])
    np.testing.assert_allclose(shared.V, [[0.4, 0.1], [0.1, 0.3]], rtol=1e-14)
    assert shared.second_order.tolist() == [0.0, 0.0]
    assert shared.notes == ()


def test_variance_and_bias_against_draws():
    """Two million draws: the first-order variance within its second-order term, the bias within its error."""
    rng = np.random.default_rng(1)
    V = np.array([[1.44, 0.3], [0.3, 0.64]])
    x = rng.multivariate_normal([12.0, 8.0], V, 2_000_000)
    ratio = x[:, 0] / x[:, 1]
    found = delta(AB, "a / b", V=V)
    size = found.second_order[0]
    assert 0.05 < size < 0.25
    assert found.vi[0] <= ratio.var() <= found.vi[0] * (1 + 4 * size**2)
    assert ratio.mean() - 1.5 == pytest.approx(found.bias[0], rel=0.1)


def test_rows_of_a_table_with_lineage():
    found = delta(AB, {"difference": "a - b", "log ratio": "log(a / b)"}, sei=SE)
    table = found.to_table("Doe 2011", unit=None)
    assert table.labels == ("Doe 2011: difference", "Doe 2011: log ratio")
    assert table.studies == ("Doe 2011", "Doe 2011")
    np.testing.assert_allclose(table.V, found.V)
    told = str(table["Doe 2011: log ratio"].lineage)
    assert "log ratio = log(a / b) = 0.405465, SE 0.1414, from a = 12 (SE 1.2); b = 8 (SE 0.8)" in told
    assert "assumes independent estimates" in told
    given = lam.EvidenceTable.from_estimates(found.yi, V=found.V, labels=found.names)
    assert given.yi.tolist() == table.yi.tolist()
    one = delta(AB, "a - b", V=[[1.44, 0.1], [0.1, 0.64]]).to_table("Roe 2012", unit="mL")
    assert (one.labels, one.V, one.unit) == (("Roe 2012",), None, "mL")
    assert "assumes" not in str(one[0].lineage)


def test_the_note_says_how_far_from_linear_it_is():
    near, far = delta(AB, "a / b", sei={"a": 0.1, "b": 0.1}), delta(AB, "a / b", sei={"a": 1.0, "b": 2.0})
    assert near.notes == ()
    assert far.notes[0].startswith("estimate: the delta method leaves out a second-order term of 3")
    assert far.to_table().notes == far.notes


def test_far_from_linear_is_refused_and_the_log_named_where_it_helps():
    wide = {"a": 1.0, "b": 3.4}
    with pytest.raises(NotEstimable, match=r"too far from linear .* take its logarithm, log\(…\)"):
        delta(AB, "a / b", sei=wide)
    assert delta(AB, "log(a / b)", sei=wide).second_order[0] < 0.5
    with pytest.raises(NotEstimable, match="no delta method will do: draw the estimates"):
        delta(AB, "a / b", sei={"a": 1.0, "b": 7.0})
    with pytest.raises(NotEstimable, match="at most 50 %"):
        delta({"x": -0.1}, "x ** 2 - 1", sei=[1.0])


@pytest.mark.parametrize(
    ("estimates", "text"),
    [
        ({"x": 0.0}, "log(x)"),
        ({"x": 0.0}, "sqrt(x)"),
        ({"x": -1.0}, "x ** 0.5"),
        ({"x": 0.0}, "1 / x"),
        ({"x": 0.0}, "x ** -1"),
        ({"x": 0.0}, "x ** 0.5"),
        ({"x": 1.0}, "logit(x)"),
        ({"x": 800.0}, "exp(x)"),
        ({"x": -2.0}, "x ** x"),
        ({"x": 1e200}, "x * x * x"),
    ],
)
def test_no_derivative_is_refused(estimates, text):
    with pytest.raises(NotEstimable, match="has no value with derivatives at x ="):
        delta(estimates, text, sei=[0.1])


def test_flat_points_kinks_and_functions_that_are_not_smooth_are_refused():
    with pytest.raises(NotEstimable, match="all derivatives of estimate are 0 at x = 0"):
        delta({"x": 0.0}, "x ** 2", sei=[1.0])
    with pytest.raises(NotEstimable, match="another slope on one side"):
        delta({"x": 0.0}, lambda x: np.abs(x), sei=[1.0])
    with pytest.raises(NotEstimable, match="by real steps and another by complex ones"):
        delta({"x": 2.0}, lambda x: np.abs(x) ** 2, sei=[0.1])
    delta({"x": 2.0}, "x ** 2", sei=[0.1])  # the remedy
    with pytest.raises(OptionError, match=r"TypeError.*np\.log for math\.log"):
        delta({"x": 2.0}, lambda x: math.log(x), sei=[0.1])
    assert delta({"x": 2.0}, lambda x: np.log(x), sei=[0.1]).sei[0] == pytest.approx(0.05)
    with pytest.raises(OptionError, match="return one number"):
        delta({"x": 2.0}, lambda x: "two", sei=[0.1])


def test_an_expression_computes_and_does_nothing_else(tmp_path):
    for text in ("__import__('os')", "a.real", "[a]", "a if b else 1", "(lambda: a)()", "log(a, b)", "log(x=a)",
                 "a // b", "a % b", "a < b", "True", "1e9 * a", "open('f')", "a;b", "", "f'{a}'", "log"):  # fmt: skip
        with pytest.raises((OptionError, UnknownName)):
            delta(AB, text, sei=SE)
    with pytest.raises(OptionError, match="at most 2000"):
        delta(AB, "+".join(["a"] * 2000), sei=SE)
    with pytest.raises(OptionError, match="too deep"):
        delta(AB, "-" * 500 + "a", sei=SE)
    with pytest.raises(UnknownName, match="unknown estimate 'c'"):
        delta(AB, "a - c", sei=SE)


def test_what_is_given_is_checked():
    with pytest.raises(OptionError, match="exactly one of vi, sei"):
        delta(AB, "a - b")
    with pytest.raises(OptionError, match="give one number for each of a, b"):
        delta(AB, "a - b", sei={"a": 1.0})
    with pytest.raises(InputError, match="semidefinite"):
        delta(AB, "a - b", V=[[1.0, 3.0], [3.0, 1.0]])
    with pytest.raises(OptionError, match="call it 'FEV1_L'"):
        delta({"FEV1 (L)": 2.0}, "FEV1", sei=[0.1])
    assert delta({"FEV1_L": 2.0}, "FEV1_L", sei=[0.1]).yi[0] == 2.0
    with pytest.raises(InputError):
        delta({"a": float("nan")}, "a", sei=[1.0])
    with pytest.raises(OptionError, match="functions is empty"):
        delta(AB, {}, sei=SE)
    with pytest.raises(OptionError, match="give an expression such as"):
        delta(AB, {"x": 3}, sei=SE)
    with pytest.raises(OptionError, match="a mapping from name to number"):
        delta([1.0], "a", sei=[1.0])
