"""Variances and correlations of a multilevel model, by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..effects.measures.base import FloatArray
from ..errors import OptionError
from ..options import a_choice, a_whole
from .multilevel_likelihood import Likelihood

__all__ = ["Component", "Components", "components_of"]

STRUCTURED = (("tau2", "rho"), ("gamma2", "phi"))


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


@dataclass(frozen=True, slots=True)
class Components:
    """All components of a model, in order."""

    parts: tuple[Component, ...]

    def __iter__(self) -> Iterator[Component]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    def values(self, name: str) -> FloatArray:
        """Return the values with this name."""
        return np.array([c.value for c in self.parts if c.name == name])

    def get(self, name: str, index: int) -> Component:
        """Return one component, or raise with what there is."""
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
