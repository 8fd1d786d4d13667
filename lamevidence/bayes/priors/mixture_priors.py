"""Finite mixtures as priors: of normals for effects, of betas for proportions, of gammas for rates.

Each is conjugate to one likelihood, so that a trial's data update weights and components in closed form.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.errors import InputError, OptionError, UnknownName
from ...foundation.options import a_choice, a_number, shown
from ...foundation.values import Interval
from .base import converted, positive
from .effect_priors import EffectPrior
from .mixture_base import ESS_KINDS, MixturePrior, posterior_weights

__all__ = ["MixtureOfBetas", "MixtureOfGammas", "MixtureOfNormals", "load_mixture"]

_ROOT_2PI = float(np.sqrt(2.0 * np.pi))
_FEW = 12  # components whose own tails are integrated over; of more, as of an exact law, quantiles of all


@dataclass(frozen=True, slots=True, repr=False)
class MixtureOfNormals(MixturePrior, EffectPrior):
    """Mixture of normals as prior of a mean effect: Σ wⱼ N(locⱼ, scaleⱼ²).

    What past trials say of a new one (`lamevidence.synthesis.map_prior`), made robust by a wide component.

    Parameters
    ----------
    weight
        Positive weights that sum to 1, (m,).
    loc, scale
        Centres and standard deviations, (m,), in the unit of the estimates.
    unit
        Unit of the estimates or one of its dimension; None for pure numbers.

    See Also
    --------
    Normal : one component.
    MixtureOfBetas, MixtureOfGammas : for proportions and for rates.

    References
    ----------
    Schmidli, Gsteiger, Roychoudhury, O'Hagan, Spiegelhalter & Neuenschwander 2014, doi:10.1111/biom.12242.

    Examples
    --------
    >>> prior = MixtureOfNormals((0.8, 0.2), (-106, -106), (46, 157), unit="mL/year")
    >>> round(prior.mean, 6), round(prior.ess("moment", unit_information=157), 3)
    (-106.0, 3.722)
    """

    weight: tuple[float, ...]
    loc: tuple[float, ...]
    scale: tuple[float, ...]
    unit: str | None = None
    kind: ClassVar[str] = "normals"
    _pair: ClassVar[tuple[str, str]] = ("loc", "scale")

    def __post_init__(self) -> None:
        self._check()
        for scale in self.scale:
            positive("MixtureOfNormals scale", scale)

    def convert(self, unit: str | None) -> Self:
        """Return the same prior in another unit, or raise when there is none to convert."""
        return converted(self, unit)

    def _rescaled(self, ratio: float, unit: str | None) -> Self:
        moved = {name: tuple(x * ratio for x in getattr(self, name)) for name in self._pair}
        return replace(self, **moved, unit=unit)  # type: ignore[arg-type]

    def _z(self, x: FloatArray) -> FloatArray:
        return np.asarray((np.asarray(x)[..., None] - np.array(self.loc)) / np.array(self.scale))

    def _log_parts(self, x: FloatArray) -> FloatArray:
        return np.asarray(-0.5 * self._z(x) ** 2 - np.log(np.array(self.scale) * _ROOT_2PI))

    def _slopes(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        scale = np.array(self.scale)
        z = self._z(x)
        return -z / scale, np.broadcast_to(-1.0 / scale**2, z.shape)

    def _below(self, x: FloatArray) -> FloatArray:
        return np.asarray(special.ndtr(self._z(x)))

    def _part_quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(np.array(self.loc) + np.array(self.scale) * special.ndtri(p)[:, None])

    def _edges(self) -> FloatArray:
        if self.size > _FEW:
            return np.asarray(self._quantile(special.ndtr(np.linspace(-8.0, 8.0, 129))))
        # the information of one patient may grow like e^x: far into the tails
        return np.asarray(np.array(self.loc) + np.array(self.scale) * np.linspace(-14.0, 14.0, 57)[:, None])

    def _moments(self) -> tuple[FloatArray, FloatArray]:
        return np.array(self.loc), np.array(self.scale) ** 2

    def updated(self, y: float, se: float) -> MixtureOfNormals:
        """Return the posterior after an estimate ``y`` with known standard error ``se``."""
        y = a_number("y", y, error=InputError)
        v = positive("se", se) ** 2
        weight, loc, scale = self._columns()
        total = scale**2 + v
        log = np.log(weight) - 0.5 * np.log(total) - 0.5 * (y - loc) ** 2 / total
        share, keep = posterior_weights(log)
        pull = (scale**2 / total)[keep]
        new = (loc[keep] + pull * (y - loc[keep]), np.sqrt(pull * v))
        return MixtureOfNormals(tuple(share), tuple(new[0]), tuple(new[1]), unit=self.unit)

    def robust(self, *, weight: float, mean: float | None = None, unit_information: float) -> MixtureOfNormals:
        """Return (1 − weight) of this prior and ``weight`` of N(mean, unit_information²), its own mean if left out."""
        weight = a_number("weight", weight, above=0.0, below=1.0)
        centre = self.mean if mean is None else a_number("mean", mean, error=InputError)
        wide = positive("unit_information", unit_information)
        parts = tuple(w * (1.0 - weight) for w in self.weight)
        return MixtureOfNormals((*parts, weight), (*self.loc, centre), (*self.scale, wide), unit=self.unit)

    def ess(self, kind: str = "elir", *, unit_information: float | None = None, likelihood: str = "normal") -> float:
        """Return how many patients the prior is worth.

        Parameters
        ----------
        kind
            ``elir`` expected local information ratio, E{−(log p)''/i(θ)}; ``moment`` the normal law of the same mean
            and variance; ``morita`` local information at the prior mean.
        unit_information
            Standard deviation of one patient, for the normal likelihood.
        likelihood
            ``normal``; or ``binomial`` or ``poisson`` where the prior is of a logit or of a log rate: i(θ) is then
            p(1 − p), or the rate (per unit of exposure).

        References
        ----------
        Neuenschwander, Weber, Schmidli & O'Hagan 2020, doi:10.1111/biom.13252; Morita, Thall & Müller 2008,
        doi:10.1111/j.1541-0420.2007.00888.x.
        """
        a_choice("effective sample size", kind, ESS_KINDS)
        a_choice("likelihood", likelihood, ("normal", "binomial", "poisson"))
        if likelihood == "normal":
            if unit_information is None:
                raise OptionError(
                    "unit_information is needed: the standard deviation of one patient · give unit_information="
                )
            u2 = positive("unit_information", unit_information) ** 2
            unit: Any = lambda x: np.full(np.shape(x), 1.0 / u2)  # noqa: E731
        else:
            if unit_information is not None:
                raise OptionError(
                    f"likelihood={likelihood!r} has an information of its own · leave unit_information out"
                )
            unit = (lambda x: special.expit(x) * special.expit(-x)) if likelihood == "binomial" else np.exp
        if kind == "elir":
            return self._expect(lambda x: self._information(x) / unit(x))
        at = np.array(self.mean)
        if kind == "morita":
            return float(self._information(at) / unit(at))
        return float(1.0 / self.sd**2 / unit(at))


@dataclass(frozen=True, slots=True, repr=False)
class MixtureOfBetas(MixturePrior):
    """Mixture of betas as prior of a proportion: Σ wⱼ Beta(aⱼ, bⱼ).

    Parameters
    ----------
    weight
        Positive weights that sum to 1, (m,).
    a, b
        Shapes > 0, (m,): a − 1 patients with the event and b − 1 without beside a flat prior.
    unit
        None: a proportion has none.

    See Also
    --------
    MixtureOfNormals, MixtureOfGammas

    References
    ----------
    Schmidli, Gsteiger, Roychoudhury, O'Hagan, Spiegelhalter & Neuenschwander 2014, doi:10.1111/biom.12242.

    Examples
    --------
    >>> prior = MixtureOfBetas((1,), (5,), (15,))
    >>> [round(prior.ess(kind), 6) for kind in ("elir", "moment", "morita")]
    [20.0, 20.0, 20.0]
    """

    weight: tuple[float, ...]
    a: tuple[float, ...]
    b: tuple[float, ...]
    unit: str | None = None
    kind: ClassVar[str] = "betas"
    _pair: ClassVar[tuple[str, str]] = ("a", "b")

    def __post_init__(self) -> None:
        self._check()
        for name in self._pair:
            for x in getattr(self, name):
                positive(f"MixtureOfBetas {name}", x, 1e-3, 1e9)
        if self.unit is not None:
            raise InputError(f"unit={self.unit!r}: a proportion has no unit · leave it out")

    @property
    def support(self) -> Interval:
        """From 0 to 1."""
        return Interval(0.0, 1.0)

    def _log_parts(self, x: FloatArray) -> FloatArray:
        _, a, b = self._columns()
        x = np.asarray(x)[..., None]
        inside = (x >= 0.0) & (x <= 1.0)
        at = np.where(inside, x, 0.5)
        log = special.xlogy(a - 1.0, at) + special.xlog1py(b - 1.0, -at) - special.betaln(a, b)
        return np.asarray(np.where(inside, log, -np.inf))

    def _slopes(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        _, a, b = self._columns()
        x = np.asarray(x)[..., None]
        return (a - 1) / x - (b - 1) / (1 - x), -(a - 1) / x**2 - (b - 1) / (1 - x) ** 2

    def _below(self, x: FloatArray) -> FloatArray:
        _, a, b = self._columns()
        return np.asarray(special.betainc(a, b, np.clip(np.asarray(x), 0.0, 1.0)[..., None]))

    def _part_quantile(self, p: FloatArray) -> FloatArray:
        _, a, b = self._columns()
        return np.asarray(special.betaincinv(a, b, p[:, None]))

    def _moments(self) -> tuple[FloatArray, FloatArray]:
        _, a, b = self._columns()
        return a / (a + b), a * b / ((a + b) ** 2 * (a + b + 1.0))

    def updated(self, events: float, n: float) -> MixtureOfBetas:
        """Return the posterior after ``events`` of ``n`` patients."""
        n = a_number("n", n, least=0.0, error=InputError)
        r = a_number("events", events, least=0.0, most=n, error=InputError)
        weight, a, b = self._columns()
        log = np.log(weight) + special.betaln(a + r, b + n - r) - special.betaln(a, b)
        share, keep = posterior_weights(log)
        return MixtureOfBetas(tuple(share), tuple(a[keep] + r), tuple(b[keep] + n - r))

    def robust(self, *, weight: float, mean: float = 0.5, unit_information: float = 2.0) -> MixtureOfBetas:
        """Return (1 − weight) of this prior and ``weight`` of a beta law of this mean worth so many patients.

        Left out, the added component is Beta(1, 1).
        """
        weight = a_number("weight", weight, above=0.0, below=1.0)
        centre = a_number("mean", mean, above=0.0, below=1.0)
        size = positive("unit_information", unit_information)
        parts = tuple(w * (1.0 - weight) for w in self.weight)
        return MixtureOfBetas((*parts, weight), (*self.a, centre * size), (*self.b, (1.0 - centre) * size))

    def ess(self, kind: str = "elir") -> float:
        """Return how many patients the prior is worth: ``elir``, ``moment`` or ``morita``, as of `MixtureOfNormals`.

        Raises
        ------
        OptionError
            ``elir`` with a shape below 1, where its integral diverges.
        """
        a_choice("effective sample size", kind, ESS_KINDS)
        if kind == "elir":
            if min(*self.a, *self.b) < 1.0:
                raise OptionError("the expected local information ratio needs shapes of at least 1 · use ess('moment')")
            return self._expect(lambda x: self._information(x) * x * (1.0 - x))
        mean = self.mean
        if kind == "moment":
            return mean * (1.0 - mean) / self.sd**2 - 1.0
        at = np.array(mean)
        # n patients of this mean beside next to nothing have the information n/(p(1 − p)) − 1/p² − 1/(1 − p)²
        return float((self._information(at) + 1.0 / mean**2 + 1.0 / (1.0 - mean) ** 2) * mean * (1.0 - mean))


@dataclass(frozen=True, slots=True, repr=False)
class MixtureOfGammas(MixturePrior):
    """Mixture of gammas as prior of an event rate: Σ wⱼ Gamma(aⱼ, rate bⱼ).

    Parameters
    ----------
    weight
        Positive weights that sum to 1, (m,).
    a, b
        Shape and rate > 0, (m,): a events in b units of exposure.
    unit
        Unit of the rate, such as ``1/year``.

    See Also
    --------
    MixtureOfNormals, MixtureOfBetas

    References
    ----------
    Schmidli, Gsteiger, Roychoudhury, O'Hagan, Spiegelhalter & Neuenschwander 2014, doi:10.1111/biom.12242.

    Examples
    --------
    >>> prior = MixtureOfGammas((1,), (20,), (40,))
    >>> [round(prior.ess(kind), 6) for kind in ("elir", "moment", "morita")]
    [40.0, 40.0, 40.0]
    """

    weight: tuple[float, ...]
    a: tuple[float, ...]
    b: tuple[float, ...]
    unit: str | None = None
    kind: ClassVar[str] = "gammas"
    _pair: ClassVar[tuple[str, str]] = ("a", "b")

    def __post_init__(self) -> None:
        self._check()
        for name in self._pair:
            for x in getattr(self, name):
                positive(f"MixtureOfGammas {name}", x, 1e-9, 1e9)

    @property
    def support(self) -> Interval:
        """From 0."""
        return Interval(0.0, float("inf"))

    def _log_parts(self, x: FloatArray) -> FloatArray:
        _, a, b = self._columns()
        x = np.asarray(x)[..., None]
        inside = x >= 0.0
        at = np.where(inside, x, 1.0)
        log = special.xlogy(a - 1.0, at) - b * at + a * np.log(b) - special.gammaln(a)
        return np.asarray(np.where(inside, log, -np.inf))

    def _slopes(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        _, a, b = self._columns()
        x = np.asarray(x)[..., None]
        return (a - 1) / x - b, -(a - 1) / x**2

    def _below(self, x: FloatArray) -> FloatArray:
        _, a, b = self._columns()
        return np.asarray(special.gammainc(a, b * np.maximum(np.asarray(x), 0.0)[..., None]))

    def _part_quantile(self, p: FloatArray) -> FloatArray:
        _, a, b = self._columns()
        return np.asarray(special.gammaincinv(a, p[:, None]) / b)

    def _moments(self) -> tuple[FloatArray, FloatArray]:
        _, a, b = self._columns()
        return a / b, a / b**2

    def updated(self, events: float, exposure: float) -> MixtureOfGammas:
        """Return the posterior after ``events`` in this ``exposure``."""
        r = a_number("events", events, least=0.0, error=InputError)
        t = positive("exposure", exposure)
        weight, a, b = self._columns()
        log = np.log(weight) + special.gammaln(a + r) - special.gammaln(a) + a * np.log(b) - (a + r) * np.log(b + t)
        share, keep = posterior_weights(log)
        return MixtureOfGammas(tuple(share), tuple(a[keep] + r), tuple(b[keep] + t), unit=self.unit)

    def robust(self, *, weight: float, mean: float | None = None, unit_information: float = 1.0) -> MixtureOfGammas:
        """Return (1 − weight) of this prior and ``weight`` of a gamma law of this mean worth so much exposure."""
        weight = a_number("weight", weight, above=0.0, below=1.0)
        centre = self.mean if mean is None else positive("mean", mean)
        size = positive("unit_information", unit_information)
        parts = tuple(w * (1.0 - weight) for w in self.weight)
        return MixtureOfGammas((*parts, weight), (*self.a, centre * size), (*self.b, size), unit=self.unit)

    def ess(self, kind: str = "elir") -> float:
        """Return how much exposure the prior is worth: ``elir``, ``moment`` or ``morita``, as of `MixtureOfNormals`.

        Raises
        ------
        OptionError
            ``elir`` with a shape below 1, where its integral diverges.
        """
        a_choice("effective sample size", kind, ESS_KINDS)
        if kind == "elir":
            if min(self.a) < 1.0:
                raise OptionError("the expected local information ratio needs shapes of at least 1 · use ess('moment')")
            return self._expect(lambda x: self._information(x) * x)
        mean = self.mean
        if kind == "moment":
            return mean / self.sd**2
        return float((self._information(np.array(mean)) + 1.0 / mean**2) * mean)


_KINDS: dict[str, type[MixtureOfNormals | MixtureOfBetas | MixtureOfGammas]] = {
    "normals": MixtureOfNormals,
    "betas": MixtureOfBetas,
    "gammas": MixtureOfGammas,
}


def load_mixture(text: str) -> MixtureOfNormals | MixtureOfBetas | MixtureOfGammas:
    """Return the mixture prior that `to_json` wrote.

    Parameters
    ----------
    text
        JSON with ``mixture`` (normals, betas or gammas), ``weight``, two columns of parameters and ``unit``.

    Returns
    -------
    MixtureOfNormals, MixtureOfBetas or MixtureOfGammas

    Raises
    ------
    InputError
        Not such a text.
    UnknownName
        Another kind of mixture.

    See Also
    --------
    MixtureOfNormals

    References
    ----------
    Weber, Li, Seaman, Kakizume & Schmidli 2021, doi:10.18637/jss.v100.i19.

    Examples
    --------
    >>> load_mixture('{"mixture": "normals", "weight": [1], "loc": [0], "scale": [2], "unit": null}')
    MixtureOfNormals((1,), (0,), (2,))
    """
    if not isinstance(text, str) or len(text) > 1_000_000:
        raise InputError(f"{shown(text)} is not the text of a mixture · give what to_json() returned")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError("this is not JSON · give what to_json() of a mixture returned") from None
    kind = found.pop("mixture", None) if isinstance(found, dict) else None
    if kind not in _KINDS:
        raise UnknownName("mixture", str(kind), tuple(_KINDS))
    made = _KINDS[kind]
    wanted = {f.name for f in fields(made)}
    if set(found) - wanted or wanted - {"unit"} - set(found):
        given = ", ".join(sorted(map(str, found)))
        raise InputError(f"a mixture of {kind} has {', '.join(sorted(wanted))}, not {given} · write exactly those")
    if not all(isinstance(found[name], list) for name in wanted - {"unit"}):
        raise InputError("weights and parameters are lists · write [0.5, 0.5]")
    return made(**found)
