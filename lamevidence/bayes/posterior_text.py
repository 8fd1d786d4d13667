"""A posterior as a table of numbers, as JSON, and as the sentences of a Methods section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .exact.distributions import Distribution
from .priors.base import TauPrior
from .priors.effect_priors import EffectPrior

if TYPE_CHECKING:
    import pandas as pd

    from .posterior_base import PosteriorBase

__all__ = ["distribution_json", "methods_of", "summary_frame"]

_MODEL = "Higgins, Thompson & Spiegelhalter 2009, doi:10.1111/j.1467-985X.2008.00552.x"
_QUADRATURE = "Röver 2020, doi:10.18637/jss.v093.i06"
_NUTS = "Hoffman & Gelman 2014, J Mach Learn Res 15:1593"
_CONVERGENCE = "Vehtari, Gelman, Simpson, Carpenter & Bürkner 2021, doi:10.1214/20-BA1221"
_EXACT_LIKELIHOOD = "Stijnen, Hamza & Özdemir 2010, doi:10.1002/sim.4040"
_HAZARD = "Prentice & Gloeckler 1978, doi:10.2307/2529588"
_LIKELIHOODS: dict[str, tuple[str, str]] = {
    "normal": ("estimates are normal around the true effects, with their standard errors taken as known", ""),
    "t": ("estimates are t-distributed around the true effects, since their standard errors are estimated", ""),
    "binomial": ("events are binomial with the true effects as logit probabilities", _EXACT_LIKELIHOOD),
    "poisson": ("events are Poisson with the true effects as log rates", _EXACT_LIKELIHOOD),
    "hazard": (
        "patients with an event are binomial with risk 1 − exp(−hazard × time), events Poisson, with the true effects"
        " as log hazards",
        _HAZARD,
    ),
    "hypergeometric": (
        "events in the first arm follow the non-central hypergeometric distribution given all margins",
        _EXACT_LIKELIHOOD,
    ),
    "conditional-binomial": (
        "events in the first arm are binomial given the total of both arms",
        _EXACT_LIKELIHOOD,
    ),
}
"""Likelihood → the words of the Methods section, and the paper."""


def summary_frame(quantities: Mapping[str, Distribution], level: float, kind: str, unit: str | None) -> pd.DataFrame:
    """Return one line a quantity: moments, median, mode and interval."""
    import pandas as pd

    lines = []
    for name, d in quantities.items():
        low, high = d.interval(level, kind)
        moments = {"mean": d.mean, "sd": d.sd, "median": d.median, "mode": d.mode}
        ends = {"low": low, "high": high, "level": level, "kind": kind, "note": d.moment_note, "unit": unit}
        lines.append({"quantity": name} | moments | ends)
    return pd.DataFrame(lines)


def distribution_json(d: Distribution, level: float) -> dict[str, object]:
    """Return mean, sd, median and interval of a distribution, and why a moment does not exist."""
    body: dict[str, object] = {"mean": d.mean, "sd": d.sd, "median": d.median, "interval": d.interval(level)}
    return body | ({"note": d.moment_note} if d.moment_note else {})


def methods_of(post: PosteriorBase) -> Sequence[tuple[str, str]]:
    """Return (clause, reference) pairs: model, likelihood, priors and their reasons, how it was computed."""
    words, paper = _LIKELIHOODS[post.likelihood]
    names = post.names if len(post.names) > 1 else ("the mean effect",)
    mean = f" with moderators ({', '.join(post.names[1:])})" if len(post.names) > 1 else ""
    clauses = [
        (f"Studies were pooled by a Bayesian random-effects model{mean}, true effects normal around the mean", _MODEL),
        (f"In its likelihood {words}", paper),
    ]
    if post.spec.printed:
        clauses.append(
            (
                "Estimates and standard errors were known only as they are printed: their likelihood was averaged over"
                " the numbers that round to those printed and over the ways to read them, with prior probabilities",
                "",
            )
        )
    for name, prior in zip(names, post.prior_mu, strict=True):
        clauses.append((f"The prior of {name} was {_said(prior)}", ""))
    clauses.append((f"The prior of the between-study standard deviation was {_said(post.prior_tau)}", ""))
    reasons = {"μ": post.spec.why["mu"], "τ": post.spec.why["tau"]}
    clauses += [(f"Prior of {name}: {why}", "") for name, why in reasons.items() if why != "given"]
    if post.engine == "exact":
        clauses.append(("The posterior was computed by deterministic quadrature", _QUADRATURE))
    else:
        clauses += [
            ("The posterior was sampled by the No-U-Turn sampler", _NUTS),
            ("Chains were used only with R-hat ≤ 1.01 and effective sample sizes of at least 400", _CONVERGENCE),
        ]
    clauses.append((f"Intervals are central {100 * post.level:g}% credible intervals", ""))
    return clauses


def _said(prior: TauPrior | EffectPrior) -> str:
    """Return a prior as it would be typed and what it says, without the name of what it is a prior of."""
    return prior.describe().partition(" ~ ")[2]
