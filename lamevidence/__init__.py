"""lamevidence: evidence synthesis that traces every pooled figure back to the printed cell.

Public names are loaded on first use, so that ``import lamevidence`` stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_NAMES: dict[str, str] = {
    "BootstrapPrediction": "pooling.bootstrap_prediction",
    "bootstrap_prediction": "pooling.bootstrap_prediction",
    "MultilevelPooled": "pooling.multilevel_results",
    "multilevel": "pooling.multilevel",
    "ClusterRobust": "pooling.robust",
    "cluster_robust": "pooling.robust",
    "LocationScale": "pooling.location_scale",
    "location_scale": "pooling.location_scale",
    "RobustPooled": "pooling.robust_random_effects",
    "robust_random_effects": "pooling.robust_random_effects",
    "BootstrapTest": "pooling.robust_bootstrap",
    "wild_bootstrap": "pooling.robust_bootstrap",
    "RobustVariance": "pooling.rve",
    "robust_variance": "pooling.rve",
    "ForestPlot": "plots.forest",
    "forest": "plots.forest",
    "plot_forest": "plots.forest",
    "plot_baujat": "plots.baujat",
    "plot_bubble": "plots.bubble",
    "plot_drapery": "plots.drapery",
    "plot_cumulative": "plots.estimate_rows",
    "plot_estimates": "plots.estimate_rows",
    "plot_leave_one_out": "plots.estimate_rows",
    "plot_funnel": "plots.funnel",
    "plot_gosh": "plots.gosh",
    "plot_labbe": "plots.labbe",
    "plot_network": "plots.network",
    "plot_orchard": "plots.orchard",
    "plot_posterior": "plots.posterior",
    "plot_predictive_intervals": "plots.predictive",
    "plot_radial": "plots.radial",
    "plot_rob_summary": "plots.rob_summary",
    "plot_tau_profile": "plots.tau_profile",
    "EvidenceTable": "effects.evidence_table",
    "Subgroups": "pooling.subgroups",
    "subgroups": "pooling.subgroups",
    "PermutationTest": "pooling.permutation",
    "permutation_test": "pooling.permutation",
    "PooledMany": "pooling.batch",
    "pool_many": "pooling.batch",
    "pool_arrow": "pooling.arrow",
    "PooledDataset": "pooling.dataset",
    "pool_dataset": "pooling.dataset",
    "Regression": "pooling.regression_results",
    "tau2_standard_error": "pooling.tau2_errors",
    "fit_beta_binomial": "pooling.beta_binomial",
    "fit_gamma_poisson": "pooling.gamma_poisson",
    "fit_glmm": "pooling.glmm",
    "mantel_haenszel": "pooling.sparse",
    "mantel_haenszel_test": "pooling.sparse",
    "peto": "pooling.sparse",
    "Pooled": "pooling.results",
    "pool": "pooling.random_effects",
    "Registry": "registry.registry",
    "load_registry": "registry.registry",
    "LamEvidenceError": "errors",
    "EvidenceWarning": "errors",
    "BergerDeely": "bayes.data_priors",
    "Conventional": "bayes.data_priors",
    "DuMouchel": "bayes.data_priors",
    "FlatSqrt": "bayes.data_priors",
    "Jeffreys": "bayes.data_priors",
    "OverallJeffreys": "bayes.data_priors",
    "UniformI2": "bayes.data_priors",
    "UniformShrinkage": "bayes.data_priors",
    "Flat": "bayes.effect_priors",
    "Normal": "bayes.effect_priors",
    "StudentT": "bayes.effect_priors",
    "load_posterior": "bayes.arviz_compat",
    "save_posterior": "bayes.arviz_compat",
    "to_arviz": "bayes.arviz_compat",
    "models": "bayes",
    "sample": "bayes.sampling",
    "pool_bayes": "bayes.pool",
    "Posterior": "bayes.posterior",
    "HalfCauchy": "bayes.priors",
    "HalfNormal": "bayes.priors",
    "HalfStudentT": "bayes.priors",
    "Exponential": "bayes.scale_priors",
    "HalfLogistic": "bayes.scale_priors",
    "InverseChi": "bayes.scale_priors",
    "InverseGamma": "bayes.scale_priors",
    "LogNormal": "bayes.scale_priors",
    "LogStudentT": "bayes.scale_priors",
    "Lomax": "bayes.scale_priors",
    "Rayleigh": "bayes.scale_priors",
    "Uniform": "bayes.scale_priors",
    "parse_prior": "bayes.stated",
    "escalc": "effects.escalc",
    "arm_interval": "effects.measures.arm_intervals",
    "rate_interval": "effects.measures.arm_intervals",
    "aggregate": "effects.covariance",
    "correlated_covariance": "effects.covariance",
    "dependent_covariance": "effects.dependence",
    "shared_control_covariance": "effects.covariance",
    "risk_per_1000": "effects.transforms",
    "mean_sd_from_quantiles": "effects.recovery",
    "FiveNumbers": "effects.recovery",
    "pool_bayes_many": "bayes.batch",
    "rhodes_prior": "bayes.prior_tables",
    "turner_prior": "bayes.prior_tables",
    "NetworkTable": "network.contrasts",
    "network_table": "network.arms",
    "NetworkPooled": "network.results",
    "pool_network": "network.pool",
    "network_contributions": "network.evidence",
    "network_paths": "network.evidence",
    "DesignInconsistency": "network.inconsistency",
    "design_inconsistency": "network.inconsistency",
    "split_network": "network.inconsistency",
    "leave_one_out": "checks.leave_one_out",
    "cumulative": "checks.leave_one_out",
    "influence": "checks.influence",
    "residuals": "checks.influence",
    "shrinkage": "checks.shrinkage",
    "predictive_check": "checks.predictive",
    "loo_pit": "checks.loo_pit",
    "node_split": "checks.conflict",
    "prior_data_conflict": "checks.conflict",
    "prior_learning": "checks.prior_learning",
    "wald_test": "checks.nested_models",
    "likelihood_ratio_test": "checks.nested_models",
    "CheckTable": "checks.tables",
    "ModelTest": "checks.nested_models",
    "small_study_test": "checks.small_study",
    "egger_test": "checks.small_study",
    "SmallStudyTest": "checks.small_study",
    "trim_and_fill": "checks.trim_and_fill",
    "TrimAndFill": "checks.trim_and_fill",
    "fail_safe_n": "checks.fail_safe",
    "FailSafeN": "checks.fail_safe",
    "test_excess_significance": "checks.excess_significance",
    "ExcessSignificance": "checks.excess_significance",
    "radial": "checks.coordinates",
    "baujat": "checks.coordinates",
    "normal_quantiles": "checks.coordinates",
    "gosh": "checks.coordinates",
    "likelihood_profile": "checks.coordinates",
    "selection_model": "checks.selection_model",
    "SelectionModel": "checks.selection_model",
    "combine_p_values": "checks.p_values",
    "CombinedP": "checks.p_values",
    "pet_peese": "checks.pet_peese",
    "PetPeese": "checks.pet_peese",
}
"""Public name → module that defines it."""

if TYPE_CHECKING:
    from .bayes import models as models
    from .bayes.arviz_compat import load_posterior as load_posterior
    from .bayes.arviz_compat import save_posterior as save_posterior
    from .bayes.arviz_compat import to_arviz as to_arviz
    from .bayes.batch import pool_bayes_many as pool_bayes_many
    from .bayes.data_priors import BergerDeely as BergerDeely
    from .bayes.data_priors import Conventional as Conventional
    from .bayes.data_priors import DuMouchel as DuMouchel
    from .bayes.data_priors import FlatSqrt as FlatSqrt
    from .bayes.data_priors import Jeffreys as Jeffreys
    from .bayes.data_priors import OverallJeffreys as OverallJeffreys
    from .bayes.data_priors import UniformI2 as UniformI2
    from .bayes.data_priors import UniformShrinkage as UniformShrinkage
    from .bayes.effect_priors import Flat as Flat
    from .bayes.effect_priors import Normal as Normal
    from .bayes.effect_priors import StudentT as StudentT
    from .bayes.pool import pool_bayes as pool_bayes
    from .bayes.posterior import Posterior as Posterior
    from .bayes.prior_tables import rhodes_prior as rhodes_prior
    from .bayes.prior_tables import turner_prior as turner_prior
    from .bayes.priors import HalfCauchy as HalfCauchy
    from .bayes.priors import HalfNormal as HalfNormal
    from .bayes.priors import HalfStudentT as HalfStudentT
    from .bayes.sampling import sample as sample
    from .bayes.scale_priors import Exponential as Exponential
    from .bayes.scale_priors import HalfLogistic as HalfLogistic
    from .bayes.scale_priors import InverseChi as InverseChi
    from .bayes.scale_priors import InverseGamma as InverseGamma
    from .bayes.scale_priors import LogNormal as LogNormal
    from .bayes.scale_priors import LogStudentT as LogStudentT
    from .bayes.scale_priors import Lomax as Lomax
    from .bayes.scale_priors import Rayleigh as Rayleigh
    from .bayes.scale_priors import Uniform as Uniform
    from .bayes.stated import parse_prior as parse_prior
    from .checks.conflict import node_split as node_split
    from .checks.conflict import prior_data_conflict as prior_data_conflict
    from .checks.coordinates import baujat as baujat
    from .checks.coordinates import gosh as gosh
    from .checks.coordinates import likelihood_profile as likelihood_profile
    from .checks.coordinates import normal_quantiles as normal_quantiles
    from .checks.coordinates import radial as radial
    from .checks.excess_significance import ExcessSignificance as ExcessSignificance
    from .checks.excess_significance import test_excess_significance as test_excess_significance
    from .checks.fail_safe import FailSafeN as FailSafeN
    from .checks.fail_safe import fail_safe_n as fail_safe_n
    from .checks.influence import influence as influence
    from .checks.influence import residuals as residuals
    from .checks.leave_one_out import cumulative as cumulative
    from .checks.leave_one_out import leave_one_out as leave_one_out
    from .checks.loo_pit import loo_pit as loo_pit
    from .checks.nested_models import ModelTest as ModelTest
    from .checks.nested_models import likelihood_ratio_test as likelihood_ratio_test
    from .checks.nested_models import wald_test as wald_test
    from .checks.p_values import CombinedP as CombinedP
    from .checks.p_values import combine_p_values as combine_p_values
    from .checks.pet_peese import PetPeese as PetPeese
    from .checks.pet_peese import pet_peese as pet_peese
    from .checks.predictive import predictive_check as predictive_check
    from .checks.prior_learning import prior_learning as prior_learning
    from .checks.selection_model import SelectionModel as SelectionModel
    from .checks.selection_model import selection_model as selection_model
    from .checks.shrinkage import shrinkage as shrinkage
    from .checks.small_study import SmallStudyTest as SmallStudyTest
    from .checks.small_study import egger_test as egger_test
    from .checks.small_study import small_study_test as small_study_test
    from .checks.tables import CheckTable as CheckTable
    from .checks.trim_and_fill import TrimAndFill as TrimAndFill
    from .checks.trim_and_fill import trim_and_fill as trim_and_fill
    from .effects.covariance import aggregate as aggregate
    from .effects.covariance import correlated_covariance as correlated_covariance
    from .effects.covariance import shared_control_covariance as shared_control_covariance
    from .effects.dependence import dependent_covariance as dependent_covariance
    from .effects.escalc import escalc as escalc
    from .effects.evidence_table import EvidenceTable as EvidenceTable
    from .effects.measures.arm_intervals import arm_interval as arm_interval
    from .effects.measures.arm_intervals import rate_interval as rate_interval
    from .effects.recovery import FiveNumbers as FiveNumbers
    from .effects.recovery import mean_sd_from_quantiles as mean_sd_from_quantiles
    from .effects.transforms import risk_per_1000 as risk_per_1000
    from .errors import EvidenceWarning as EvidenceWarning
    from .errors import LamEvidenceError as LamEvidenceError
    from .network.arms import network_table as network_table
    from .network.contrasts import NetworkTable as NetworkTable
    from .network.evidence import network_contributions as network_contributions
    from .network.evidence import network_paths as network_paths
    from .network.inconsistency import DesignInconsistency as DesignInconsistency
    from .network.inconsistency import design_inconsistency as design_inconsistency
    from .network.inconsistency import split_network as split_network
    from .network.pool import pool_network as pool_network
    from .network.results import NetworkPooled as NetworkPooled
    from .plots.baujat import plot_baujat as plot_baujat
    from .plots.bubble import plot_bubble as plot_bubble
    from .plots.drapery import plot_drapery as plot_drapery
    from .plots.estimate_rows import plot_cumulative as plot_cumulative
    from .plots.estimate_rows import plot_estimates as plot_estimates
    from .plots.estimate_rows import plot_leave_one_out as plot_leave_one_out
    from .plots.forest import ForestPlot as ForestPlot
    from .plots.forest import forest as forest
    from .plots.forest import plot_forest as plot_forest
    from .plots.funnel import plot_funnel as plot_funnel
    from .plots.gosh import plot_gosh as plot_gosh
    from .plots.labbe import plot_labbe as plot_labbe
    from .plots.network import plot_network as plot_network
    from .plots.orchard import plot_orchard as plot_orchard
    from .plots.posterior import plot_posterior as plot_posterior
    from .plots.predictive import plot_predictive_intervals as plot_predictive_intervals
    from .plots.radial import plot_radial as plot_radial
    from .plots.rob_summary import plot_rob_summary as plot_rob_summary
    from .plots.tau_profile import plot_tau_profile as plot_tau_profile
    from .pooling.arrow import pool_arrow as pool_arrow
    from .pooling.batch import PooledMany as PooledMany
    from .pooling.batch import pool_many as pool_many
    from .pooling.beta_binomial import fit_beta_binomial as fit_beta_binomial
    from .pooling.bootstrap_prediction import BootstrapPrediction as BootstrapPrediction
    from .pooling.bootstrap_prediction import bootstrap_prediction as bootstrap_prediction
    from .pooling.dataset import PooledDataset as PooledDataset
    from .pooling.dataset import pool_dataset as pool_dataset
    from .pooling.gamma_poisson import fit_gamma_poisson as fit_gamma_poisson
    from .pooling.glmm import fit_glmm as fit_glmm
    from .pooling.location_scale import LocationScale as LocationScale
    from .pooling.location_scale import location_scale as location_scale
    from .pooling.multilevel import multilevel as multilevel
    from .pooling.multilevel_results import MultilevelPooled as MultilevelPooled
    from .pooling.permutation import PermutationTest as PermutationTest
    from .pooling.permutation import permutation_test as permutation_test
    from .pooling.random_effects import pool as pool
    from .pooling.regression_results import Regression as Regression
    from .pooling.results import Pooled as Pooled
    from .pooling.robust import ClusterRobust as ClusterRobust
    from .pooling.robust import cluster_robust as cluster_robust
    from .pooling.robust_bootstrap import BootstrapTest as BootstrapTest
    from .pooling.robust_bootstrap import wild_bootstrap as wild_bootstrap
    from .pooling.robust_random_effects import RobustPooled as RobustPooled
    from .pooling.robust_random_effects import robust_random_effects as robust_random_effects
    from .pooling.rve import RobustVariance as RobustVariance
    from .pooling.rve import robust_variance as robust_variance
    from .pooling.sparse import mantel_haenszel as mantel_haenszel
    from .pooling.sparse import mantel_haenszel_test as mantel_haenszel_test
    from .pooling.sparse import peto as peto
    from .pooling.subgroups import Subgroups as Subgroups
    from .pooling.subgroups import subgroups as subgroups
    from .pooling.tau2_errors import tau2_standard_error as tau2_standard_error
    from .registry.registry import Registry as Registry
    from .registry.registry import load_registry as load_registry


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in _NAMES:
        import importlib

        value = getattr(importlib.import_module(f".{_NAMES[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})


__all__ = ["__version__", *_NAMES]
