"""Figures: laid out as data, then drawn onto axes; nothing global is touched.

Each name here is a function; the modules they live in have the same names, so that all are bound at once.
"""

from __future__ import annotations

from .adverse_events import adverse_events
from .baujat import baujat
from .bubble import bubble
from .cumulative import cumulative
from .drapery import drapery
from .drawing.figure import Plot
from .estimates import estimates
from .flow.prisma_flow import FlowPlot, prisma_flow
from .forest.forest import ForestPlot, forest
from .funnel import funnel
from .gosh import gosh
from .influence import influence
from .labbe import labbe
from .leave_one_out import leave_one_out
from .network import network
from .normal_quantiles import normal_quantiles
from .orchard import orchard
from .posterior import posterior
from .predictive_intervals import predictive_intervals
from .radial import radial
from .rob_summary import rob_summary
from .specification_curve import specification_curve
from .tau_profile import tau_profile
from .trial_curves import trial_curves

__all__ = [
    "FlowPlot",
    "ForestPlot",
    "Plot",
    "adverse_events",
    "baujat",
    "bubble",
    "cumulative",
    "drapery",
    "estimates",
    "forest",
    "funnel",
    "gosh",
    "influence",
    "labbe",
    "leave_one_out",
    "network",
    "normal_quantiles",
    "orchard",
    "posterior",
    "predictive_intervals",
    "prisma_flow",
    "radial",
    "rob_summary",
    "specification_curve",
    "tau_profile",
    "trial_curves",
]
