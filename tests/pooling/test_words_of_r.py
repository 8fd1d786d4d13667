"""Each word of R's packages is told as ours, and what is told works on the same data."""

from __future__ import annotations

import ast
import re

import pytest

import lamevidence as lam
from lamevidence.foundation.errors import LamEvidenceError, OptionError
from lamevidence.foundation.options import VALUES
from tests.support.fits import odds_ratios, proportions, rates

ESTIMATES = lam.EvidenceTable.from_estimates(
    [0.1, 0.3, 0.2, 0.6, 0.4], vi=[0.04, 0.05, 0.03, 0.04, 0.06], moderators={"x": [1, 2, 3, 4, 6]}
)
TABLES = {"estimates": lambda: ESTIMATES, "proportions": proportions, "rates": rates, "odds ratios": odds_ratios}
ADVICE = re.compile(r"(\w+)=('[^']*')")
OWN = {"method": ["REML", "ML", "DL", "EB", "SJ", "PM", *VALUES], "test": ["knha", "z", "t", "adhoc", *VALUES]}


def advised(call, **given) -> dict[str, str]:
    """The arguments that a refusal names after `here that is`."""
    with pytest.raises(OptionError, match="here that is") as refused:
        call(**given)
    said = str(refused.value).split("here that is ")[1]
    return {name: ast.literal_eval(value) for name, value in ADVICE.findall(said)}


@pytest.mark.parametrize("data", TABLES)
@pytest.mark.parametrize("argument", OWN)
def test_what_is_advised_to_pool_works(argument, data):
    table = TABLES[data]()
    for word in dict.fromkeys(OWN[argument]):
        ours = advised(lambda **given: lam.pool(table, **given), **{argument: word})
        try:
            lam.pool(table, **ours)
        except LamEvidenceError as error:  # Mantel-Haenszel of data that have none: the next words are a remedy
            model = re.search(r"model='(\w+)'", str(error).split("·")[-1])
            named = model[1] if model and "mh" in ours.values() else ""
        else:
            named = "works"
        assert named, (word, ours)
        if named != "works":
            lam.pool(table, model=named)


@pytest.mark.parametrize(("call", "table"), [
    (lam.counts.glmm, odds_ratios), (lam.counts.beta_binomial, proportions), (lam.counts.gamma_poisson, rates)
], ids=["glmm", "beta-binomial", "gamma-poisson"])  # fmt: skip
@pytest.mark.parametrize("word", ["knha", "hakn", "adhoc", "t", "z"])
def test_what_is_advised_to_models_of_counts_works(call, table, word):
    ours = advised(lambda **given: call(table(), **given), test=word)
    assert set(ours) == {"interval"}
    call(table(), **ours)


def test_the_model_is_named_only_where_the_default_has_no_such_choice():
    def pooled(**given):
        return lam.pool(proportions(), **given)

    assert advised(pooled, test="knha") == {"interval": "HKSJ", "model": "random"}
    assert advised(pooled, method="REML") == {"tau2": "REML", "model": "random"}
    assert advised(pooled, method="ML") == {"tau2": "ML"}
    assert advised(pooled, test="t") == {"interval": "t"}
    assert lam.pool(proportions(), interval="HKSJ", model="random").spec.interval == "HKSJ"
