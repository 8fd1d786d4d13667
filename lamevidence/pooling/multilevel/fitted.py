"""A fitted multilevel model in numbers: variance components, information criteria, leverages, shares of variance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.errors import NotEstimable, OptionError
from ...foundation.options import a_choice, a_whole
from ..regression.design import Design
from .blocks import Moments
from .likelihood import Likelihood, Maximum

__all__ = ["Component", "Components", "FittedModel", "LikelihoodCriteria", "degrees_of_freedom"]

STRUCTURED = (("tau2", "rho"), ("gamma2", "phi"))
VARIANCES = ("sigma2", "tau2", "gamma2")


@dataclass(frozen=True, slots=True)
class Component:
    """One variance or correlation.

    Attributes
    ----------
    name, index
        ``sigma2`` (intercepts), ``tau2`` and ``rho`` (first ``inner | outer`` term), ``gamma2`` and ``phi`` (second).
    label
        For people: ``district/school``, ``trial: AL``, ``trial: AL, PD``.
    value
        In the units of the table.
    term, position
        Which term, and its place among the term's parameters.
    """

    name: str
    index: int
    label: str
    value: float
    term: int
    position: int

    @property
    def is_variance(self) -> bool:
        """True for a variance, False for a correlation."""
        return self.name in VARIANCES


@dataclass(frozen=True, slots=True)
class Components:
    """All components of a model, in order."""

    parts: tuple[Component, ...]

    def __iter__(self) -> Iterator[Component]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    @property
    def variances(self) -> Mapping[str, float]:
        """Variances by label, in the order of the formula; correlations are left out."""
        return {c.label: c.value for c in self.parts if c.is_variance}

    def values(self, name: str) -> FloatArray:
        """Return the values with this name: ``sigma2``, ``tau2``, ``rho``, ``gamma2`` or ``phi``; empty without any."""
        a_choice("variance component", name, ("sigma2", *(part for pair in STRUCTURED for part in pair)))
        return np.array([c.value for c in self.parts if c.name == name])

    def get(self, name: str, index: int = 0) -> Component:
        """Return one component.

        Raises
        ------
        UnknownName, OptionError
            No such component; the message says which there are.
        """
        names = dict.fromkeys(c.name for c in self.parts)
        a_choice("variance component", name, names)
        a_whole("index", index, 0)
        for c in self.parts:
            if (c.name, c.index) == (name, index):
                return c
        raise OptionError(f"{name} has {len(self.values(name))} entries, index {index} is not one of them")


def components_of(likelihood: Likelihood, theta: FloatArray) -> Components:
    """Return the components at θ in the units of the table."""
    parts: list[Component] = []
    structured = sum(t.inner is not None for t in likelihood.terms)
    if structured > len(STRUCTURED):
        raise OptionError("at most two 'inner | outer' terms are offered")
    seen = 0
    for number, (term, own) in enumerate(zip(likelihood.terms, likelihood.split(theta), strict=True)):
        variances = likelihood.scale**2 * term.structure.variances(own)
        if term.inner is None:
            index = sum(p.name == "sigma2" for p in parts)
            parts.append(Component("sigma2", index, term.outer.name, float(variances[0]), number, 0))
            continue
        spread, related = STRUCTURED[seen]
        seen += 1
        levels = term.inner.labels
        for i, value in enumerate(variances):
            label = f"{term.name}: {levels[i]}" if variances.size > 1 else term.name
            parts.append(Component(spread, i, label, float(value), number, i))
        pairs = [f"{levels[i]}, {levels[j]}" for i in range(len(levels)) for j in range(i + 1, len(levels))]
        for i, value in enumerate(term.structure.correlations(own)):
            label = f"{term.name}: {pairs[i]}" if term.structure.code == "UN" else term.name
            parts.append(Component(related, i, label, float(value), number, term.structure.spread + i))
    return Components(tuple(parts))


@dataclass(frozen=True, slots=True, eq=False)
class FittedModel:
    """A multilevel model at the maximum of its likelihood.

    Attributes
    ----------
    y, V
        Estimates (k,) and their known sampling covariance, (k,) or (k, k).
    design
        Design matrix of the fixed effects.
    likelihood, maximum
        The likelihood and where it is highest; from these profiles are computed.
    moments
        Weighted least squares at the maximum, in scaled units.
    components
        Variances and correlations.
    beta, vb
        Coefficients (p,) and their model-based covariance (p, p).
    q
        Σ of squared residuals weighted by V⁻¹: the test of residual heterogeneity.
    """

    y: FloatArray
    V: FloatArray
    design: Design
    likelihood: Likelihood
    maximum: Maximum
    moments: Moments
    components: Components
    beta: FloatArray
    vb: FloatArray
    q: float

    @classmethod
    def at(cls, y: FloatArray, V: FloatArray, design: Design, likelihood: Likelihood) -> FittedModel:
        """Return the model at the maximum of its likelihood."""
        maximum = likelihood.maximise()
        fit = likelihood.moments(maximum.theta)
        scale, back = likelihood.scale, design.back
        beta = back @ (scale * fit.beta + design.basis.T @ y)
        vb = scale**2 * back @ fit.covariance @ back.T
        q = Likelihood.of((), design.basis, y, V, True).moments(np.zeros(0)).quadratic
        return cls(
            y,
            V,
            design,
            likelihood,
            maximum,
            fit,
            components_of(likelihood, maximum.theta),
            beta,
            vb,
            float(q),
        )

    # ---- heterogeneity ------------------------------------------------------------------------
    @property
    def q_df(self) -> int:
        """Degrees of freedom of Q, k − p."""
        return self.y.size - self.beta.size

    @property
    def q_p(self) -> float:
        """P value of Q."""
        return float(special.chdtrc(self.q_df, self.q))

    @property
    def covariances(self) -> list[FloatArray]:
        """Covariance of each term's effects, in scaled units."""
        return self.likelihood.covariances(self.maximum.theta)

    def typical_variance(self) -> float:
        """Return the sampling variance of a typical row: (k − p)/tr(P), P of the model without random effects.

        Higgins and Thompson 2002, 10.1002/sim.1186.
        """
        none = Likelihood.of((), self.design.basis, self.y, self.V, True)
        fit = none.moments(np.zeros(0))
        if self.V.ndim == 2:
            whole = float(np.trace(none.engine.solve([], np.eye(self.y.size))))
        else:
            whole = float((1.0 / none.V).sum())
        trace = whole - float(np.einsum("ki,ij,kj->", fit.projected, fit.covariance, fit.projected))
        return self.q_df / trace * none.scale**2

    def shares(self) -> Mapping[str, float]:
        """Return the share of each variance in the total variance of a typical row, in percent."""
        parts = self.components.variances
        whole = sum(parts.values()) + self.typical_variance()
        return {name: 100.0 * value / whole for name, value in parts.items()}

    # ---- likelihood ---------------------------------------------------------------------------
    @property
    def log_likelihood(self) -> float:
        """Maximised (restricted) log-likelihood; the restricted one holds ½ log|X'X|."""
        return self.maximum.log_likelihood

    @property
    def parameters(self) -> int:
        """Number of coefficients and of variance parameters."""
        return self.beta.size + self.likelihood.size

    @property
    def observations(self) -> int:
        """What BIC and AICc count: rows, less coefficients with REML."""
        return self.y.size - (self.beta.size if self.likelihood.restricted else 0)

    @property
    def deviance(self) -> float:
        """−2 log-likelihood; with ML relative to the saturated model."""
        if self.likelihood.restricted:
            return -2.0 * self.log_likelihood
        logdet = float(np.log(self.V).sum() if self.V.ndim == 1 else np.linalg.slogdet(self.V)[1])
        return -2.0 * self.log_likelihood - self.y.size * math.log(2 * math.pi) - logdet

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return -2.0 * self.log_likelihood + 2.0 * self.parameters

    @property
    def bic(self) -> float:
        """Schwarz's criterion."""
        return -2.0 * self.log_likelihood + self.parameters * math.log(self.observations)

    @property
    def aicc(self) -> float:
        """AIC with the small-sample correction."""
        n = max(self.observations, self.parameters + 2)
        return -2.0 * self.log_likelihood + 2.0 * self.parameters * n / (n - self.parameters - 1)

    # ---- rows ---------------------------------------------------------------------------------
    def marginal_variances(self) -> FloatArray:
        """Return the variance of each row: sampling variance plus all random effects, (k,)."""
        V = self.V if self.V.ndim == 1 else np.diag(self.V)
        total = V.copy()
        for term, G in zip(self.likelihood.terms, self.covariances, strict=True):
            own = np.zeros(self.y.size, dtype=np.intp) if term.inner is None else term.inner.codes
            total += self.likelihood.scale**2 * np.diag(G)[own]
        return total

    def leverage(self) -> FloatArray:
        """Return the diagonal of the hat matrix, (k,)."""
        return np.asarray(((self.design.basis @ self.moments.covariance) * self.moments.projected).sum(axis=1))

    def residual_errors(self) -> FloatArray:
        """Return the standard errors of the raw residuals, (k,)."""
        basis = self.design.basis
        fitted = self.likelihood.scale**2 * np.einsum("ki,ij,kj->k", basis, self.moments.covariance, basis)
        return np.asarray(np.sqrt(np.maximum(self.marginal_variances() - fitted, 0.0)))


class LikelihoodCriteria:
    """Log-likelihood and information criteria of a result that holds a `FittedModel` as ``model``."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def model(self) -> FittedModel:
            """The model in numbers."""

    @property
    def log_likelihood(self) -> float:
        """Maximised (restricted) log-likelihood; the restricted one holds ½ log|X'X|."""
        return self.model.log_likelihood

    @property
    def parameters(self) -> int:
        """Number of coefficients and of variance parameters."""
        return self.model.parameters

    @property
    def deviance(self) -> float:
        """−2 log-likelihood; with ML relative to the saturated model."""
        return self.model.deviance

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return self.model.aic

    @property
    def bic(self) -> float:
        """Schwarz's criterion; REML counts k − p observations."""
        return self.model.bic

    @property
    def aicc(self) -> float:
        """AIC with the small-sample correction."""
        return self.model.aicc


def degrees_of_freedom(kind: str, dfs: str, design: Design, likelihood: Likelihood) -> FloatArray:
    """Return the degrees of freedom of each coefficient, (p,).

    inf with ``z``; k − p with ``residual``; with ``contain`` the levels of the smallest grouping within which the
    moderator does not vary, minus p.

    Raises
    ------
    NotEstimable
        Containment leaves none.
    """
    k, p = design.X.shape
    if kind == "z":
        return np.full(p, np.inf)
    if dfs != "contain":
        return np.full(p, float(k - p))
    groupings = [t.outer.codes for t in likelihood.terms]
    groupings += [t.inner.codes for t in likelihood.terms if t.inner is not None]
    df = np.full(p, float(k))
    for j in range(p):
        for codes in groupings:
            first = np.zeros(int(codes.max()) + 1)
            first[codes] = design.X[:, j]
            if (first[codes] == design.X[:, j]).all():
                df[j] = min(df[j], float(first.size))
    df -= p
    if (df < 1).any():
        bad = ", ".join(design.names[j] for j in np.flatnonzero(df < 1))
        raise NotEstimable(f"dfs='contain' leaves no degrees of freedom for {bad} · use dfs='residual' or cluster=")
    return df
