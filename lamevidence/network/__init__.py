"""Several treatments at once: direct and indirect comparisons in one network, and whether they agree."""

from __future__ import annotations

from .arms import network_table
from .contrasts import NetworkTable
from .evidence import network_contributions, network_paths
from .inconsistency import design_inconsistency, split_network
from .pool import pool_network

__all__ = [
    "NetworkTable",
    "design_inconsistency",
    "network_contributions",
    "network_paths",
    "network_table",
    "pool_network",
    "split_network",
]
