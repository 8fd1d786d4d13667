"""Is the result to be trusted? Influence, small-study effects, selection, and the numbers behind diagnostic plots."""

from __future__ import annotations

from ..pooling.inverse_variance.bootstrap_prediction import bootstrap_prediction
from ..pooling.robust.wild_bootstrap import wild_bootstrap
from ..pooling.tau2.standard_errors import tau2_standard_error
from .check_result import CheckResult
from .choices.multiverse import multiverse
from .choices.rounding import RoundingInterval, rounding_interval
from .choices.specifications import Multiverse
from .conflict import node_split, prior_data_conflict
from .coordinates import baujat, likelihood_profile, normal_quantiles, radial
from .excess_significance import ExcessSignificance, test_excess_significance
from .fail_safe import FailSafeN, NullStudies, fail_safe_n, with_null_studies
from .gosh import gosh
from .influence import influence, residuals
from .leave_one_out import cumulative, leave_one_out
from .loo_pit import LooPit, loo_pit
from .model_check import ModelCheck, model_check
from .nested_models import ModelTest, likelihood_ratio_test, wald_test
from .p_values import COMBINATIONS, CombinedP, combine_p_values
from .predictive import PredictiveCheck, predictive_check
from .prior_learning import prior_learning
from .selection.selection_model import SelectionModel, selection_model
from .shrinkage import shrinkage
from .small_study import counts as _counts
from .small_study.pet_peese import PetPeese, pet_peese
from .small_study.tests import SMALL_STUDY_TESTS, SmallStudyTest, egger_test, small_study_test
from .small_study.trim_and_fill import MISSING_ESTIMATORS, TrimAndFill, trim_and_fill
from .tables import CheckTable

del _counts  # imported for the tests it files in SMALL_STUDY_TESTS

__all__ = [
    "COMBINATIONS",
    "MISSING_ESTIMATORS",
    "SMALL_STUDY_TESTS",
    "CheckResult",
    "CheckTable",
    "CombinedP",
    "ExcessSignificance",
    "FailSafeN",
    "LooPit",
    "ModelCheck",
    "ModelTest",
    "Multiverse",
    "NullStudies",
    "PetPeese",
    "PredictiveCheck",
    "RoundingInterval",
    "SelectionModel",
    "SmallStudyTest",
    "TrimAndFill",
    "baujat",
    "bootstrap_prediction",
    "combine_p_values",
    "cumulative",
    "egger_test",
    "fail_safe_n",
    "gosh",
    "influence",
    "leave_one_out",
    "likelihood_profile",
    "likelihood_ratio_test",
    "loo_pit",
    "model_check",
    "multiverse",
    "node_split",
    "normal_quantiles",
    "pet_peese",
    "predictive_check",
    "prior_data_conflict",
    "prior_learning",
    "radial",
    "residuals",
    "rounding_interval",
    "selection_model",
    "shrinkage",
    "small_study_test",
    "tau2_standard_error",
    "test_excess_significance",
    "trim_and_fill",
    "wald_test",
    "wild_bootstrap",
    "with_null_studies",
]
