"""The few calls that go against the order of chapters, by name: a result draws itself, a registry makes its evidence.

Chapters import from their left only. What a reader expects as a method (``fit.plot()``, ``registry.evidence(…)``)
lives to the right; it is loaded here on first use, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from .errors import UnknownName

__all__ = ["DOORS", "through"]

DOORS: dict[str, tuple[str, str]] = {
    "adverse_events": ("lamevidence.plots.adverse_events", "adverse_events"),
    "analysis_faults": ("lamevidence.reports.analysis_rules", "analysis_faults"),
    "forest": ("lamevidence.plots.forest.forest", "forest"),
    "baujat": ("lamevidence.plots.baujat", "baujat"),
    "cumulative": ("lamevidence.plots.cumulative", "cumulative"),
    "funnel": ("lamevidence.plots.funnel", "funnel"),
    "gosh": ("lamevidence.plots.gosh", "gosh"),
    "influence": ("lamevidence.plots.influence", "influence"),
    "leave_one_out": ("lamevidence.plots.leave_one_out", "leave_one_out"),
    "normal_quantiles": ("lamevidence.plots.normal_quantiles", "normal_quantiles"),
    "prisma_flow": ("lamevidence.plots.flow.prisma_flow", "prisma_flow"),
    "predictive_intervals": ("lamevidence.plots.predictive_intervals", "predictive_intervals"),
    "profile": ("lamevidence.plots.tau_profile", "tau_profile"),
    "specification_curve": ("lamevidence.plots.specification_curve", "specification_curve"),
    "radial": ("lamevidence.plots.radial", "radial"),
    "trial_curves": ("lamevidence.plots.trial_curves", "trial_curves"),
}
"""Name → (module, function); each is one method of a class further left."""


def through(name: str) -> Callable[..., Any]:
    """Return the function behind a door.

    Raises
    ------
    UnknownName
        No such door.
    """
    if name not in DOORS:
        raise UnknownName("door", name, DOORS)
    module, function = DOORS[name]
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
