"""A formula of moderators makes columns and does nothing else, in every model that takes one."""

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import LamEvidenceError, OptionError

rng = np.random.default_rng(1)
TABLE = lam.EvidenceTable.from_estimates(
    rng.normal(size=12),
    vi=np.ones(12),
    moderators={"x": np.arange(12.0) + 1, "z": rng.normal(size=12), "g": list("abc" * 4), "my x": rng.normal(size=12)},
)
MODELS = {
    "pool": lambda f: lam.pool(TABLE, moderators=f),
    "bayes": lambda f: lam.pool_bayes(TABLE, moderators=f, tau=lam.priors.HalfNormal(1)),
    "scale": lambda f: lam.location_scale(TABLE, scale=f),
    "robust": lambda f: lam.pool(TABLE, moderators=f, model="common"),
}

GOOD = {
    "~ x + C(g)": 4,
    "~ x * z": 4,
    "~ {x + 1}": 2,
    "~ I(x ** 2) + I(x / 2 - z * 3)": 3,
    "~ C(g, Treatment('b'))": 3,
    "~ C(g, contr.treatment(base='b'))": 3,
    "~ C(g, levels=['a', 'b', 'c'])": 3,
    "~ poly(x, 2)": 3,
    "~ bs(x, df=4)": 5,
    "~ (x + z) ** 2": 4,
    "~ 0 + x": 1,
    "~ log10(x) + sqrt(x) + exp(z)": 4,
    "~ center(x) + standardize(z)": 3,
    "~ `my x` + I(`my x` ** 2)": 3,
    "~ I(x > 3)": 2,
}


@pytest.mark.parametrize("formula", GOOD)
def test_documented_functions_make_columns(formula):
    for engine in ("pool", "bayes"):
        assert len(MODELS[engine](formula).names) == GOOD[formula]


def test_columns_are_those_of_the_arithmetic():
    x = np.asarray(TABLE.moderators["x"])
    by_formula = lam.pool(TABLE, moderators="~ sqrt(x) + I(x ** 2)")
    by_hand = lam.pool(TABLE, moderators=np.column_stack([np.ones(12), np.sqrt(x), x**2]))
    np.testing.assert_allclose(by_formula.estimate, by_hand.estimate, rtol=1e-10)
    pairs = zip(by_formula.predict({"x": [4.0]}).items(), by_hand.predict([[1, 2, 16]]).items(), strict=True)
    for (name, here), (_, there) in pairs:
        if here.dtype == float:
            np.testing.assert_allclose(here, there, rtol=1e-9, err_msg=name)


BAD = [
    "~ x + {{x * __import__('os').system('touch {file}')}}",
    "~ {{open('{file}', 'w')}}",
    "~ C(g, levels=[open('{file}', 'w')])",
    "~ log(x, open('{file}', 'w'))",
    "~ eval(\"open('{file}', 'w')\")",
    '~ I(f\'{{open("{file}", "w")}}\')',
    "~ np.log(x)",
    "~ x.__class__",
    "~ {{x.values}}",
    "~ {{(lambda: 1)()}}",
    "~ {{[i for i in x]}}",
    "~ {{x['a']}}",
    "~ x | z",
    "~ hashed(g, levels=3)",
    "~ lag(x)",
    "~ C(__builtins__)",
    "~ np",
    "~ {{9 ** 9 ** 9 ** 9}}",
    "~ {{x ** (10 ** 10)}}",
    "~ (x + z) ** 100000",
    "~ poly(x, 100000)",
    "~ I('a' * 10 ** 9)",
    "~ " + " * ".join(["x"] * 30),
    "~ {{" + "-" * 1900 + "x}}",
    "~ " + "(" * 1500 + "x" + ")" * 1500,
]


@pytest.mark.parametrize("formula", BAD, ids=range(len(BAD)))
@pytest.mark.parametrize("model", MODELS)
def test_everything_else_is_refused_before_it_is_evaluated(tmp_path, model, formula):
    file = tmp_path / "pwned"
    with pytest.raises(LamEvidenceError):
        MODELS[model](formula.format(file=file))
    assert not file.exists()


def test_the_refusal_names_it_and_what_there_is():
    with pytest.raises(OptionError, match=r"holds open\(\), which a formula may not · names.*standardize.*sqrt"):
        lam.pool(TABLE, moderators="~ x + {open('a')}")
