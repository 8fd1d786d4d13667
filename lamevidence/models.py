"""PyMC models to read, edit and sample: plain `pymc.Model` objects with `pm.Data` and named dimensions."""

from .bayes.models import *  # noqa: F403
from .bayes.models import __all__ as _models
from .bayes.sampling.sampling import sample
from .synthesis.joint_model import joint_slopes

__all__ = [*_models, "joint_slopes", "sample"]
