from .api import pool_bayes as pool_bayes
from .posterior import Posterior as Posterior
from .posterior import PosteriorRegression as PosteriorRegression
