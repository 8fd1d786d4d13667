"""Marginal likelihood of each study by adaptive Gauss-Hermite quadrature, with exact derivatives.

Study i has rows r with linear predictor η = f + Z v, v ~ N(0, I_d), where f = offset + X β + l α
(α: the study's own nuisance parameter) and Z = Σ_j s_j E_j is linear in the scale parameters s. With g(v) =
Σ_r {x η − A(η)} − v'v/2, mode v̂ and L L' = (−g'')^(−1) there,

    log ∫ φ(v) e^{Σ x η − A} dv ≈ log|L| + log Σ_q w_q exp{|t_q|²/2 + g(v̂ + L t_q)}

(Liu & Pierce 1994, doi:10.1093/biomet/81.3.624; one node is Laplace's approximation). The gradient is
that of the right-hand side, nodes moving with the parameters, so an optimum is the optimum of exactly this
function. The Hessian is Louis's identity (1982, doi:10.1111/j.2517-6161.1982.tb01203.x) on the same nodes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ...effects.measures.base import FloatArray
from .cumulants import Cumulant
from .quadrature_1d import Terms, hermite, line
from .quadrature_2d import plane

__all__ = ["Evaluation", "StudyModel", "evaluate", "hermite", "hessian_of"]

STEP = 3e-5
"""Difference step of `hessian_of`: its error is STEP² times a third derivative, rounding adds 1e-11."""


@dataclass(frozen=True, slots=True)
class StudyModel:
    """The likelihood of k independent studies.

    Attributes
    ----------
    x, offset, local
        Counts, offsets and the design of the study's own parameter, (k, rows); ``local`` is zero when there is none.
    X
        Design of the common coefficients, (k, rows, p).
    E
        ∂Z/∂s: (k, rows, m, d) for m scale parameters and d random effects a study.
    active
        1 for rows that count, 0 for rows fitted perfectly by their own parameter, (k, rows).
    constant
        What the likelihood adds that no parameter touches, (k,).
    cumulant
        A(η).
    has_local
        Whether each study has a parameter of its own.
    chain
        Derivatives of a study's row predictors and scales by its parameters, (k, rows + m, a).
    all_active
        Whether every row counts.
    """

    x: FloatArray
    offset: FloatArray
    local: FloatArray
    X: FloatArray
    E: FloatArray
    active: FloatArray
    constant: FloatArray
    cumulant: Cumulant
    has_local: bool = False
    chain: FloatArray = field(init=False, repr=False)
    all_active: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Prepare what every evaluation needs."""
        k, rows, p = self.X.shape
        first, m = int(self.has_local), self.E.shape[2]
        chain = np.zeros((k, rows + m, first + p + m))
        if first:
            chain[:, :rows, 0] = self.local
        chain[:, :rows, first : first + p] = self.X
        chain[:, rows:, first + p :] = np.eye(m)
        object.__setattr__(self, "chain", chain)
        object.__setattr__(self, "all_active", bool((self.active == 1).all()))

    @property
    def k(self) -> int:
        """Number of studies."""
        return int(self.x.shape[0])

    @property
    def p(self) -> int:
        """Number of common coefficients."""
        return int(self.X.shape[2])

    @property
    def m(self) -> int:
        """Number of scale parameters."""
        return int(self.E.shape[2])

    @property
    def d(self) -> int:
        """Random effects a study."""
        return int(self.E.shape[3])

    @property
    def counts(self) -> FloatArray:
        """Counts as the kernels use them, (rows, 1, k, 1)."""
        return self.x.T[:, None, :, None]

    @property
    def mask(self) -> FloatArray | None:
        """``active`` as the kernels use it, None when every row counts."""
        return None if self.all_active else self.active.T[:, None, :, None]

    def predictors(self, alpha: FloatArray, beta: FloatArray) -> FloatArray:
        """Return η without random effects for (b, k) own and (b, p) common parameters: (rows, b, k, 1)."""
        f = self.offset.T[:, None, :] + np.matmul(beta, self.X.transpose(1, 2, 0))
        if self.has_local:
            f = f + self.local.T[:, None, :] * alpha
        return np.asarray(f[..., None])

    def without_random(self) -> StudyModel:
        """Return the model with no random effects at all."""
        k, rows = self.x.shape
        return replace(self, E=np.zeros((k, rows, 0, 0)))


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Value (b,), gradient and Hessian of each study: (b, k, a), (b, k, a, a), a = local + p + m."""

    value: FloatArray
    studies: FloatArray
    gradient: FloatArray
    hessian: FloatArray
    mode: FloatArray


def evaluate(
    model: StudyModel,
    alpha: FloatArray,
    beta: FloatArray,
    scale: FloatArray,
    nodes: int,
    start: FloatArray | None = None,
    want: str = "exact",
) -> Evaluation:
    """Return the log-likelihood and its derivatives at a batch of parameter values.

    Parameters
    ----------
    model
        The likelihood.
    alpha, beta, scale
        (b, k), (b, p), (b, m).
    nodes
        Quadrature nodes a dimension; 1 is Laplace.
    start
        Modes of a nearby evaluation, (b, k, d).
    want
        ``exact``; ``value`` without derivatives; ``quick`` for scans: nodes only near the modes, gradient as the mean
        score on them.
    """
    terms = _terms(model, model.predictors(alpha, beta), scale, nodes, start, want)
    if want == "value":
        nothing = np.zeros((0,))
        return Evaluation(terms.value.sum(axis=-1), terms.value, nothing, nothing, terms.mode)
    gradient = np.matmul(terms.gradient[..., None, :], model.chain)[..., 0, :]
    hessian = _chained(model, terms.hessian)
    return Evaluation(terms.value.sum(axis=-1), terms.value, gradient, hessian, terms.mode)


def hessian_of(
    model: StudyModel,
    alpha: FloatArray,
    beta: FloatArray,
    scale: FloatArray,
    nodes: int,
    mode: FloatArray,
) -> FloatArray:
    """Return the per-study Hessian (k, a, a) at one point by central differences of the exact gradient.

    The differences are taken in the studies' own terms (row predictors and scales): two for each, whatever the number
    of parameters. The error is of the order of `STEP`², 1e-9.
    """
    f = model.predictors(alpha[None], beta[None])
    rows = f.shape[0]
    u = rows + model.m
    moved, scales = np.repeat(f, 2 * u, axis=1), np.repeat(scale[None], 2 * u, axis=0)
    for j in range(u):
        for sign, row in ((STEP, 2 * j), (-STEP, 2 * j + 1)):
            if j < rows:
                moved[j, row] += sign
            else:
                scales[row, j - rows] += sign
    gradient = _terms(model, moved, scales, nodes, np.repeat(mode, 2 * u, axis=0), "slope").gradient
    columns = np.moveaxis((gradient[0::2] - gradient[1::2]) / (2.0 * STEP), 0, -1)
    return _chained(model, 0.5 * (columns + np.swapaxes(columns, -1, -2)))


def _terms(
    model: StudyModel, f: FloatArray, scale: FloatArray, nodes: int, start: FloatArray | None, want: str
) -> Terms:
    return (line if model.d == 1 else plane)(model, f, scale, nodes, start, want)


def _chained(model: StudyModel, hessian: FloatArray) -> FloatArray:
    return np.asarray(np.matmul(np.matmul(np.swapaxes(model.chain, -1, -2), hessian), model.chain))
