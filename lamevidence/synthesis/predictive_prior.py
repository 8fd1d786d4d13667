"""What earlier studies say of a new one, as a prior that can be handed on: the meta-analytic predictive prior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ..bayes.exact.distributions import Distribution
from ..bayes.exact.mixture import NormalMixture
from ..bayes.posterior import Posterior
from ..bayes.priors.mixture_priors import MixtureOfBetas, MixtureOfGammas, MixtureOfNormals
from ..foundation.errors import OptionError, UnknownName
from ..foundation.options import a_choice, a_whole, shown
from .mixture_fit import Mixture, Nodes, divergence, nearest_mixture, nodes_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MapPrior", "map_prior"]

_MOST = 6
_AUTO = 4
_ENOUGH = 0.005
"""Nats: a hundred draws would not tell such a mixture from the law itself (100 × .005 = half a nat)."""


_ONE_ARM = {"PLO": "binomial", "IRLN": "poisson"}
"""Measures of one arm whose counts a beta or a gamma law is conjugate to, on their link scale."""


@dataclass(frozen=True, slots=True, eq=False)
class MapPrior:
    """A meta-analytic predictive prior: the law of a new study's effect and the mixture that stands for it.

    Attributes
    ----------
    prior
        The mixture: a prior wherever one is taken.
    exact
        The predictive distribution of a new study, on the scale of the analysis.
    kl
        Kullback-Leibler divergence of the mixture from it, in nats; 0 for the exact mixture.
    tried
        (components, divergence) of every mixture that was fitted.
    scale
        ``analysis`` or ``response``.
    likelihood
        What one patient's information is counted by: ``normal``, ``binomial`` or ``poisson``.
    """

    prior: Mixture
    exact: Distribution
    kl: float
    tried: tuple[tuple[int, float], ...]
    scale: str
    likelihood: str

    def robust(self, *, weight: float, mean: float | None = None, unit_information: float | None = None) -> Mixture:
        """Return the mixture with a wide component of this weight, so that data which contradict it win.

        Parameters
        ----------
        weight
            Prior probability that the new study is unlike the earlier ones.
        mean
            Centre of the wide component; the prior's own mean where left out.
        unit_information
            Its width: for normals the standard deviation of one patient (needed); for betas the number of patients
            that it is worth (2 where left out), for gammas the exposure (1).

        Raises
        ------
        OptionError
            A weight outside (0, 1), or normals without ``unit_information``.
        """
        wide = {} if unit_information is None else {"unit_information": unit_information}
        if isinstance(self.prior, MixtureOfNormals) and not wide:
            raise OptionError("a wide normal component needs its width · give unit_information=, one patient's sd")
        return self.prior.robust(weight=weight, mean=self.prior.mean if mean is None else mean, **wide)

    def ess(self, kind: str = "elir", *, unit_information: float | None = None) -> float:
        """Return how many patients (or how much exposure) the mixture is worth: ``elir``, ``moment`` or ``morita``."""
        if not isinstance(self.prior, MixtureOfNormals):
            if unit_information is not None:
                raise OptionError("proportions and rates have an information of their own · leave unit_information out")
            return self.prior.ess(kind)
        if self.likelihood == "normal":
            return self.prior.ess(kind, unit_information=unit_information)
        return self.prior.ess(kind, unit_information=unit_information, likelihood=self.likelihood)

    def to_frame(self) -> pd.DataFrame:
        """Return one line a component: weight and parameters."""
        import pandas as pd

        names = ("a", "b") if not isinstance(self.prior, MixtureOfNormals) else ("loc", "scale")
        return pd.DataFrame({name: getattr(self.prior, name) for name in ("weight", *names)})

    def describe(self) -> str:
        """The prior in words, with its distance from the law that it stands for."""
        how = "exactly the predictive distribution" if self.kl == 0.0 else f"Kullback-Leibler divergence {self.kl:.2g}"
        several = "component" if self.prior.size == 1 else "components"
        return f"{self.prior.size} {several}, {how}: {self.prior.describe()}"

    def __repr__(self) -> str:
        return f"<MapPrior {self.describe()}>"


def map_prior(fit: Posterior, components: int | str = "auto", *, scale: str = "analysis") -> MapPrior:
    """Return the meta-analytic predictive prior of a new study as a mixture.

    The law of a new study's true effect, θ_new ~ N(μ, τ²) with μ and τ from their posterior, approximated by the
    mixture with the least Kullback-Leibler divergence E log p/q from it (worked out, not sampled).

    Parameters
    ----------
    fit
        A posterior without moderators, exact or sampled, of a control arm or of an effect.
    components
        A number from 1 to 6; ``auto`` for the fewest with a divergence below .005, at most 4; ``exact`` for the
        normal mixture that the posterior of a normal likelihood is.
    scale
        ``analysis`` (mixture of normals: of logits, of log rates, of the estimates themselves); ``response`` for
        proportions (betas) and rates (gammas), with shapes of at least 1, so that their information is finite.

    Returns
    -------
    MapPrior

    Raises
    ------
    OptionError
        Another number of components; ``exact`` where the law is no normal mixture; ``response`` for other measures.

    See Also
    --------
    lamevidence.priors.MixtureOfNormals : what it returns within.
    next_trial : what a trial that borrows gains and risks.

    References
    ----------
    Neuenschwander, Capkun-Niggli, Branson & Spiegelhalter 2010, doi:10.1177/1740774509356002; Schmidli, Gsteiger,
    Roychoudhury, O'Hagan, Spiegelhalter & Neuenschwander 2014, doi:10.1111/biom.12242.

    Examples
    --------
    >>> import lamevidence as lam
    >>> se = [88 / n**0.5 for n in (74, 166, 328, 20, 25, 58)]
    >>> crohn = lam.EvidenceTable.from_estimates([-51, -49, -36, -47, -90, -54], sei=se)
    >>> post = lam.pool_bayes(crohn, mu=lam.priors.Normal(0, 88), tau=lam.priors.HalfNormal(44))
    >>> prior = lam.synthesis.map_prior(post)
    >>> prior.kl < 0.005
    True
    """
    if not isinstance(fit, Posterior):
        raise OptionError(
            f"map_prior needs the posterior of one mean effect, got {shown(fit)} · give lam.pool_bayes(table)"
        )
    a_choice("scale", scale, ("analysis", "response"))
    law, likelihood = fit.theta_new, _ONE_ARM.get(fit.table.measure, "normal")
    kind = _kind(scale, fit)
    if isinstance(components, str) and components == "exact":
        return MapPrior(_exact(law, scale), law, 0.0, (), scale, likelihood)
    if isinstance(components, str) and components != "auto":
        raise UnknownName("components", components, ("auto", "exact", "a number from 1 to 6"))
    sizes = range(1, _AUTO + 1) if isinstance(components, str) else [a_whole("components", components, 1, _MOST)]
    nodes = _on_scale(law, kind)
    tried: list[tuple[int, float]] = []
    for size in sizes:
        best = nearest_mixture(nodes, kind, size, fit.unit if kind is MixtureOfNormals else None)
        tried.append((size, divergence(nodes, best)))
        if tried[-1][1] < _ENOUGH:
            break
    return MapPrior(best, law, max(tried[-1][1], 0.0), tuple(tried), scale, likelihood)


def _kind(scale: str, post: Posterior) -> type[Mixture]:
    """Return the family of mixtures for a scale."""
    if scale == "analysis":
        return MixtureOfNormals
    likelihood = _ONE_ARM.get(post.table.measure)
    if likelihood is None:
        raise OptionError(
            f"scale='response' is for proportions (PLO) and rates (IRLN) of one arm, not {post.table.measure}"
            " · leave scale out"
        )
    return MixtureOfBetas if likelihood == "binomial" else MixtureOfGammas


def _on_scale(law: Distribution, kind: type[Mixture]) -> Nodes:
    """Return the nodes of a law on the analysis scale, or of its proportion or rate."""
    nodes = nodes_of(law)
    if kind is MixtureOfNormals:
        return nodes
    if kind is MixtureOfGammas:
        return Nodes(np.exp(nodes.x), nodes.share, nodes.log - nodes.x)
    slope = special.log_expit(nodes.x) + special.log_expit(-nodes.x)
    return Nodes(special.expit(nodes.x), nodes.share, nodes.log - slope)


def _exact(law: Distribution, scale: str) -> MixtureOfNormals:
    """Return the normal mixture that the predictive law is."""
    if scale != "analysis" or not isinstance(law, NormalMixture):
        raise OptionError(
            "components='exact' needs the analysis scale and the exact posterior of a normal likelihood: its new study"
            " is a normal mixture · use components='auto'"
        )
    weight, centre, width = (tuple(float(x) for x in column) for column in (law.weight, law.loc, law.scale))
    return MixtureOfNormals(weight, centre, width, unit=law.unit)
