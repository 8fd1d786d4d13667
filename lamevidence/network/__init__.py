"""Several treatments at once: direct and indirect comparisons in one network, and whether they agree."""
