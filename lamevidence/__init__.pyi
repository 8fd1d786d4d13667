"""The public names: this list is the only one; `lamevidence/__init__.py` loads from it on first use."""

from . import audit as audit
from . import checks as checks
from . import counts as counts
from . import effects as effects
from . import errors as errors
from . import models as models
from . import network as network
from . import plots as plots
from . import priors as priors
from . import reports as reports
from . import results as results
from . import sheets as sheets
from . import synthesis as synthesis
from .bayes.api import pool_bayes as pool_bayes
from .bayes.exact.batch import pool_bayes_many as pool_bayes_many
from .bayes.sampling.arviz_compat import load_posterior as load_posterior
from .bayes.sampling.arviz_compat import save_posterior as save_posterior
from .bayes.sampling.arviz_compat import to_arviz as to_arviz
from .checks.influence import influence as influence
from .checks.leave_one_out import cumulative as cumulative
from .checks.leave_one_out import leave_one_out as leave_one_out
from .checks.predictive import predictive_check as predictive_check
from .effects.escalc import escalc as escalc
from .effects.evidence_table import EvidenceTable as EvidenceTable
from .foundation.errors import EvidenceWarning as EvidenceWarning
from .foundation.errors import LamEvidenceError as LamEvidenceError
from .plots.forest.forest import forest as forest
from .pooling.api import pool as pool
from .pooling.multilevel.multilevel import multilevel as multilevel
from .pooling.regression.location_scale import location_scale as location_scale
from .pooling.regression.permutation import permutation_test as permutation_test
from .pooling.robust.cluster_robust import cluster_robust as cluster_robust
from .pooling.robust.robust_random_effects import robust_random_effects as robust_random_effects
from .pooling.robust.robust_variance import robust_variance as robust_variance
from .pooling.scale.arrow import pool_arrow as pool_arrow
from .pooling.scale.batch import pool_many as pool_many
from .pooling.scale.dataset import pool_dataset as pool_dataset
from .pooling.subgroups import subgroups as subgroups
from .workspace import Registry as Registry
from .workspace import load_registry as load_registry

__version__: str
