"""Recovery rules: numbers a paper does not print, from those it does. Importing this files them in `RECOVERY`."""

from .catalogue import RECOVERY, Rule, bounds
from .correlations import change_variance_range, r_from_change_sd, r_from_change_se, r_from_paired_p, sd_of_change
from .counts import count_from_percentage, counts_from_percentage, table_from_odds_ratio
from .five_numbers import FiveNumbers
from .mean_sd import MeanSd, mean_sd_from_quantiles, skewness_test
from .standard_errors import sd_from_se, se_from_ci, se_from_p, se_from_sd, se_from_statistic, slope_from_change

__all__ = [
    "RECOVERY",
    "FiveNumbers",
    "MeanSd",
    "Rule",
    "bounds",
    "change_variance_range",
    "count_from_percentage",
    "counts_from_percentage",
    "mean_sd_from_quantiles",
    "r_from_change_sd",
    "r_from_change_se",
    "r_from_paired_p",
    "sd_from_se",
    "sd_of_change",
    "se_from_ci",
    "se_from_p",
    "se_from_sd",
    "se_from_statistic",
    "skewness_test",
    "slope_from_change",
    "table_from_odds_ratio",
]
