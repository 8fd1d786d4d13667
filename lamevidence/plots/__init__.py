"""Figures: laid out as data, then drawn onto axes; nothing global is touched."""

from .forest import ForestPlot, forest, plot_forest

__all__ = ["ForestPlot", "forest", "plot_forest"]
