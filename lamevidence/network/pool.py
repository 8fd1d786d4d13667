"""Pooling a network: every treatment against every other, from direct and indirect comparisons."""

from __future__ import annotations

import numpy as np

from ..foundation.errors import NotEstimable, OptionError
from ..foundation.options import a_choice, a_level, a_number, our_words, shown
from ..results.recipe import Recipe
from ..results.spec import Spec
from .contrasts import NetworkTable
from .heterogeneity import NETWORK_TAU2, excess
from .results import NetworkPooled
from .weights import GraphFit, fit_graph

__all__ = ["pool_network"]

MODELS = ("random", "common")


@our_words(reference_group="reference")
def pool_network(
    evidence: NetworkTable,
    *,
    model: str = "random",
    tau2: str | float | None = None,
    reference: str | None = None,
    level: float = 0.95,
) -> NetworkPooled:
    """Pool a network of treatments by weighted least squares on its graph.

    With independent two-arm studies the weights are 1/(v + τ²); in a study of several arms they are reduced so that
    its comparisons count as much as its arms do (Rücker and Schwarzer 2014). Direct and indirect evidence are
    assumed to agree: look at `design_inconsistency` and `split_network` before believing the result.

    Parameters
    ----------
    evidence
        Comparisons, complete within each study.
    model
        ``random`` (one τ² for all comparisons) or ``common``.
    tau2
        ``REML`` (default), ``ML``, ``DL``, or a value of τ² in squared units of ``yi``; only for ``random``.
    reference
        Treatment the others are shown against; by default the one in most studies.
    level
        Level of intervals, a fraction.

    Returns
    -------
    NetworkPooled
        The other treatments against the reference; all pairs, (n, n); Q; P-scores; league table.

    Raises
    ------
    NotEstimable
        The network is not connected, or has no degrees of freedom left to estimate τ².
    OptionError, UnknownName
        An option that does not apply.
    InputError
        Variances of a study's comparisons that contradict each other.

    See Also
    --------
    network_table : Comparisons from one row an arm.
    design_inconsistency, split_network : Whether direct and indirect evidence agree.
    network_paths, network_contributions : Where each estimate comes from.

    References
    ----------
    Rücker 2012, 10.1002/jrsm.1058; Rücker and Schwarzer 2014, 10.1002/sim.6236.

    Examples
    --------
    >>> from lamevidence.network import NetworkTable, pool_network
    >>> table = NetworkTable(
    ...     yi=[0.5, 0.3, 0.2, 0.8], vi=[0.04, 0.03, 0.05, 0.06], first=["a", "a", "b", "a"],
    ...     second=["b", "b", "c", "c"], studies=["1", "2", "3", "4"])
    >>> fit = pool_network(table, reference="c")
    >>> round(fit.pair_effect("a", "c"), 3), fit.k
    (0.699, 4)
    """
    if not isinstance(evidence, NetworkTable):
        raise OptionError(
            f"pool_network takes a NetworkTable, got {shown(evidence)} · make one with NetworkTable(...) or"
            " network_table"
        )
    a_choice("model", model, MODELS)
    level = a_level(level)
    names = evidence.treatments
    if reference is not None:
        a_choice("reference treatment", reference, names)
    if model == "common" and tau2 is not None:
        raise OptionError(f"tau2={shown(tau2)} means nothing for the common model · leave it out or say model='random'")
    evidence.require_connected()
    common = fit_graph(evidence)
    method, value = _tau2(evidence, common, tau2) if model == "random" else ("none", 0.0)
    why = {
        "model": "given",
        "tau2": "given" if tau2 is not None else "least biased of the usual estimators",
        "reference": "given" if reference is not None else "the treatment in most studies",
    }
    arms = [arm for trial in evidence.trials for arm in trial.arms]
    against = reference or names[int(np.argmax(np.bincount(arms)))]
    size = f"{len(evidence.trials)} studies of {len(names)} treatments in {len(evidence.designs)} designs"
    title = f"Network ({size}), {method} + z" if model == "random" else f"Network ({size}), common effects"
    predicts = "t" if model == "random" else "none"
    chosen = (value if method == "fixed" else method) if model == "random" else None
    return NetworkPooled(
        evidence,
        Spec(model, method, "z", predicts, level, why=why, title=title),
        against,
        value,
        common,
        fit_graph(evidence, value) if value else common,
        recipe=Recipe(pool_network, {"model": model, "tau2": chosen, "reference": against, "level": level}),
    )


def _tau2(table: NetworkTable, common: GraphFit, tau2: object) -> tuple[str, float]:
    if isinstance(tau2, int | float | np.number) and not isinstance(tau2, bool):
        return "fixed", a_number("tau2", tau2, least=0)
    code = "REML" if tau2 is None else tau2
    a_choice("tau2 estimator of a network", code, tuple(NETWORK_TAU2))
    if excess(table, common)[1] < 1:
        raise NotEstimable(
            "the network has as many comparisons as it has effects, so τ² cannot be estimated · pool with "
            "model='common', or give a value: tau2=0.05"
        )
    value = NETWORK_TAU2[str(code)](table, common)
    return str(code), value
