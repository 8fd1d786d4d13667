"""What the joint posterior keeps, and the distributions that are read from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from ..bayes.exact.distributions import Distribution
from ..bayes.exact.existence import Existence
from ..bayes.exact.mixture import NormalMixture
from ..effects.measures.base import FloatArray
from .joint_quadrature import JointNodes, MeanPriors, integrate
from .packed import entry, product, quadratic
from .scale_axis import ScaleAxis
from .scale_margin import PointMass, ScaleMargin
from .study_blocks import Block

__all__ = ["JointState", "fit_state"]


@dataclass(frozen=True, slots=True, eq=False)
class JointState:
    """Posterior as a mixture: one part for each value of what is summed over beside the standard deviations.

    Attributes
    ----------
    shares
        Posterior weight of each part.
    blocks
        The studies in each part.
    nodes
        The nodes of each part.
    priors
        Of the mean effects.
    exists
        Which moments of each standard deviation exist.
    log_evidence
        Log marginal likelihood; of flat priors up to their constant.
    unit
        Of the estimates.
    """

    shares: FloatArray
    blocks: tuple[tuple[Block, ...], ...]
    nodes: tuple[JointNodes, ...]
    priors: MeanPriors
    exists: tuple[Existence, ...]
    log_evidence: float
    unit: str | None

    @property
    def error(self) -> float:
        """How far what is watched moves when every second node is left out, in posterior standard deviations."""
        return max(nodes.error for nodes in self.nodes)

    def scale(self, axis: int) -> Distribution:
        """Return the posterior of one standard deviation."""
        if self.nodes[0].axes[axis].prior is None:
            return PointMass(self.nodes[0].axes[axis].value, self.unit)
        parts = [
            (float(share), nodes.axes[axis], nodes.margins[axis])
            for share, nodes in zip(self.shares, self.nodes, strict=True)
        ]
        return ScaleMargin(tuple(parts), self.exists[axis], self.unit)

    def mean_square(self, axis: int) -> float:
        """Return E τ² of one standard deviation."""
        found = self.scale(axis)
        return found.second_moment if isinstance(found, ScaleMargin) else found.mean**2

    def combination(self, c: FloatArray, spread: FloatArray | None = None) -> NormalMixture:
        """Return the posterior of c'β, plus noise with the variances ``spread``·τ² where a new study is drawn.

        Parameters
        ----------
        c
            One number a mean effect, (p,).
        spread
            One number a standard deviation, (3,): how much of its variance is added.
        """
        loc, scale = [], []
        for nodes in self.nodes:
            loc.append(c @ nodes.mean)
            variance = quadratic(nodes.covariance, c)
            if spread is not None:
                variance = variance + spread @ nodes.tau**2
            scale.append(np.sqrt(variance))
        return self._mixture(loc, scale, spread)

    def of_study(self, study: str, c: FloatArray) -> NormalMixture:
        """Return the posterior of c'θₛ, θₛ the study's own untreated slope, effect and bias.

        Parameters
        ----------
        study
            Its id.
        c
            One number for each of the three, (3,).
        """
        loc, scale = [], []
        for blocks, nodes in zip(self.blocks, self.nodes, strict=True):
            block = next(b for b in blocks if b.study == study)
            tau2 = nodes.tau**2
            W, _ = block.inverse(list(tau2))
            r = block.y.size
            # c'θₛ = c'Bβ + c'T R' V⁻¹ (y − X β) + noise of variance c'Tc − c'T R'V⁻¹R T c
            pull = [sum(float(c[a] * block.R[i, a]) * tau2[a] for a in range(3)) for i in range(r)]
            gain = product(W, pull, r)
            noise = sum(float(c[a] ** 2) * tau2[a] for a in range(3)) - sum(pull[i] * gain[i] for i in range(r))
            m = nodes.weight.size
            load = (c @ block.B)[:, None] - block.X.T @ np.array([np.broadcast_to(g, m) for g in gain])
            ahead = sum(gain[i] * float(block.y[i]) for i in range(r))
            variance = noise
            for i in range(load.shape[0]):
                for j in range(load.shape[0]):
                    variance = variance + load[i] * load[j] * entry(nodes.covariance, i, j)
            loc.append((load * nodes.mean).sum(axis=0) + ahead)
            scale.append(np.sqrt(np.maximum(variance, 0.0)))
        return self._mixture(loc, scale, np.where(c != 0.0, 1.0, 0.0))

    def _mixture(
        self, loc: Sequence[FloatArray], scale: Sequence[FloatArray], spread: FloatArray | None
    ) -> NormalMixture:
        weight = np.concatenate([s * nodes.weight for s, nodes in zip(self.shares, self.nodes, strict=True)])
        used = [] if spread is None else [e for e, x in zip(self.exists, spread, strict=True) if x]
        poor = next((e for e in used if e.tau_moments < 2), None)
        return NormalMixture(
            weight,
            np.concatenate([np.broadcast_to(x, n.weight.size) for x, n in zip(loc, self.nodes, strict=True)]),
            np.concatenate([np.broadcast_to(x, n.weight.size) for x, n in zip(scale, self.nodes, strict=True)]),
            finite_mean=all(e.tau_moments >= 1 for e in used),
            finite_sd=poor is None,
            note=poor.note if poor is not None else "",
            unit=self.unit,
        )

    def covariance(self) -> FloatArray:
        """Return the posterior covariance of the mean effects, (p, p)."""
        p = self.priors.mean.size
        weight = np.concatenate([s * nodes.weight for s, nodes in zip(self.shares, self.nodes, strict=True)])
        mean = np.concatenate([nodes.mean for nodes in self.nodes], axis=1)
        gap = mean - (mean @ weight)[:, None]
        out = (gap * weight) @ gap.T
        for i in range(p):
            for j in range(p):
                inner = [np.broadcast_to(entry(n.covariance, i, j), n.weight.size) for n in self.nodes]
                out[i, j] += weight @ np.concatenate(inner)
        return np.asarray(out)

    def shares_of(self, c: FloatArray) -> Mapping[str, float]:
        """Return the share of each study, and of ``prior``, in the precision of c'β, summing to 1.

        With A = B₀⁻¹ + Σ Aₛ the variance c'A⁻¹c is c'A⁻¹(B₀⁻¹ + Σ Aₛ)A⁻¹c: each study's part of it is its share.
        """
        out: dict[str, float] = {}
        for share, blocks, nodes in zip(self.shares, self.blocks, self.nodes, strict=True):
            pull = np.array(product(nodes.covariance, [float(x) for x in c], c.size))
            whole = quadratic(nodes.covariance, c)
            prior = self.priors.precision @ pull**2
            out["prior"] = out.get("prior", 0.0) + float(share * (nodes.weight @ (prior / whole)))
            for block in blocks:
                W, _ = block.inverse(list(nodes.tau**2))
                sent = block.X @ pull
                part = sum(entry(W, i, j) * sent[i] * sent[j] for i in range(block.y.size) for j in range(block.y.size))
                out[block.study] = out.get(block.study, 0.0) + float(share * (nodes.weight @ (part / whole)))
        return out


def fit_state(
    versions: Sequence[tuple[float, tuple[Block, ...]]],
    priors: MeanPriors,
    axes: Sequence[ScaleAxis],
    exists: Sequence[Existence],
    unit: str | None,
) -> JointState:
    """Return the posterior over all versions of the studies.

    Parameters
    ----------
    versions
        (prior weight, studies): one for each value of what is summed over beside the standard deviations.
    priors, axes, exists, unit
        As in `JointState` and `integrate`.
    """
    nodes = tuple(integrate(blocks, priors, axes) for _, blocks in versions)
    logs = np.array([n.log_evidence for n in nodes]) + np.log([weight for weight, _ in versions])
    total = float(special.logsumexp(logs))
    blocks = tuple(found for _, found in versions)
    return JointState(np.exp(logs - total), blocks, nodes, priors, tuple(exists), total, unit)
