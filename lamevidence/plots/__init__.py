"""Figures: laid out as data, then drawn onto axes; nothing global is touched."""

from .baujat import plot_baujat
from .bubble import plot_bubble
from .drapery import plot_drapery
from .estimate_rows import plot_cumulative, plot_estimates, plot_leave_one_out
from .figure import Plot
from .forest import ForestPlot, forest, plot_forest
from .funnel import plot_funnel
from .gosh import plot_gosh
from .labbe import plot_labbe
from .orchard import plot_orchard
from .posterior import plot_posterior
from .predictive import plot_predictive_intervals
from .radial import plot_radial
from .rob_summary import plot_rob_summary
from .tau_profile import plot_tau_profile

__all__ = [
    "ForestPlot", "Plot", "forest", "plot_baujat", "plot_bubble", "plot_cumulative", "plot_drapery",
    "plot_estimates", "plot_forest", "plot_funnel", "plot_gosh", "plot_labbe", "plot_leave_one_out",
    "plot_orchard", "plot_posterior", "plot_predictive_intervals", "plot_radial", "plot_rob_summary",
    "plot_tau_profile",
]
