"""The models that `pool` fits: one catalogue, read without loading what fits them.

An entry names the module and the function that fit the model; they are loaded on the first fit. A new model is a
function ``fit(table, options)`` in a module of its own, and one line here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

from ..effects.evidence_table import EvidenceTable
from ..foundation.catalog import Catalog
from ..foundation.errors import OptionError
from ..foundation.options import unknown_argument

if TYPE_CHECKING:
    from ..results.contract import Result

__all__ = ["COUNT_MODELS", "GLMM_KINDS", "MODELS", "Model", "Options"]

Options: TypeAlias = Mapping[str, Any]
"""Options by name, None where not given; ``why_model`` is the reason for the model."""
Model: TypeAlias = Callable[[EvidenceTable, Options], "Result"]

MODELS: Catalog[Model] = Catalog("model")
"""Code → function of a table and options."""

GLMM_KINDS = ("CM.EL", "CM.AL", "UM.FS", "UM.RS")
"""One-stage models of two groups that go by a name of their own."""
COUNT_MODELS = ("glmm", *GLMM_KINDS, "mh", "peto", "beta-binomial", "gamma-poisson")
"""Models of the counts themselves."""

_SHARED = ("tau2", "interval", "prediction", "level", "weights")


@cache
def _load(module: str, name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(import_module(f"{__package__}.{module}"), name)
    return found


def _inverse_variance(code: str, title: str, reference: str) -> None:
    """File a model of estimates and variances."""

    @MODELS.register(code, title=title, reference=reference)
    def fit(table: EvidenceTable, given: Options) -> Result:
        made: Result = _load("inverse_variance.random_effects", "inverse_variance")(code, table, given)
        return made


def _counts(code: str, function: str, title: str, reference: str, *known: str, **fixed: str) -> None:
    """File a model of counts: ``function`` of `lamevidence.counts`, which knows these of the shared options."""

    @MODELS.register(code, title=title, reference=reference)
    def fit(table: EvidenceTable, given: Options) -> Result:
        make = _load("counts", function)
        options = {name: x for name, x in given.items() if x is not None and name not in ("why_model", *fixed)}
        for name in options:
            if name in _SHARED and name not in (*known, "level"):
                raise OptionError(
                    f"model={code!r} has no option {name!r} · leave it out, or give an inverse-variance model,"
                    " for example model='random'"
                )
        own = tuple(inspect.signature(make).parameters)[1:]
        for name in options:
            if name not in own:
                raise unknown_argument(f"pool(…, model={code!r})", name, options[name], own)
        if "level" not in options and table.model.get("level") is not None:
            options["level"] = table.model["level"]
        made: Result = make(table, **options, **fixed)
        return made


_inverse_variance("random", "random effects, yᵢ ~ N(μ, vᵢ + τ²)", "10.1016/0197-2456(86)90046-2")
_inverse_variance("common", "common effect, one true effect for all studies", "10.1002/jrsm.12")
_inverse_variance(
    "fixed", "fixed effects, the precision-weighted average of these studies", "Rice et al. 2018, JRSS A 181:205"
)
_inverse_variance("ivhet", "inverse variance with quasi-likelihood variance (IVhet)", "10.1016/j.cct.2015.05.009")
_inverse_variance("henmi-copas", "common-effect mean with Henmi and Copas's interval", "10.1002/sim.4029")
_counts("mh", "mantel_haenszel", "Mantel-Haenszel", "10.1093/jnci/22.4.719")
_counts("peto", "peto", "Peto's one-step odds ratio", "10.1016/S0033-0620(85)80003-7")
_counts(
    "glmm",
    "glmm",
    "one-stage generalised linear mixed model",
    "10.1002/sim.4040",
    "tau2",
    "interval",
    "prediction",
)
for _kind, _title, _reference in (
    ("CM.EL", "one-stage model, exact conditional likelihood", "10.1002/sim.4040"),
    ("CM.AL", "one-stage model, approximate conditional likelihood", "10.1002/sim.4040"),
    ("UM.FS", "one-stage model with fixed study effects", "10.1002/sim.7588"),
    ("UM.RS", "one-stage model with random study effects", "10.1002/sim.7588"),
):
    _counts(_kind, "glmm", _title, _reference, "tau2", "interval", "prediction", model=_kind)
_counts("beta-binomial", "beta_binomial", "beta-binomial model of proportions", "10.1002/sim.6383", "interval")
_counts("gamma-poisson", "gamma_poisson", "gamma-Poisson model of rates", "10.1186/1471-2288-4-17", "interval")
