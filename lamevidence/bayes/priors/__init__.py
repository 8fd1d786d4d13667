"""Priors of the mean effect and of τ, with units; tables of published priors; priors read from text."""

from __future__ import annotations

from .base import HalfCauchy, HalfNormal, HalfStudentT
from .data_priors import DuMouchel, UniformI2, UniformShrinkage
from .effect_priors import Flat, Normal, StudentT
from .heavy_tailed_priors import InverseChi, InverseGamma, Lomax
from .improper_priors import BergerDeely, Conventional, FlatSqrt, Jeffreys, OverallJeffreys
from .mixture_priors import MixtureOfBetas, MixtureOfGammas, MixtureOfNormals, load_mixture
from .prior_parsing import parse_prior
from .prior_tables import bartos_mu_prior, bartos_tau_prior, rhodes_prior, turner_prior
from .scale_priors import Exponential, HalfLogistic, LogNormal, LogStudentT, Rayleigh, Uniform
from .unit_information import uisd

__all__ = [
    "BergerDeely",
    "Conventional",
    "DuMouchel",
    "Exponential",
    "Flat",
    "FlatSqrt",
    "HalfCauchy",
    "HalfLogistic",
    "HalfNormal",
    "HalfStudentT",
    "InverseChi",
    "InverseGamma",
    "Jeffreys",
    "LogNormal",
    "LogStudentT",
    "Lomax",
    "MixtureOfBetas",
    "MixtureOfGammas",
    "MixtureOfNormals",
    "Normal",
    "OverallJeffreys",
    "Rayleigh",
    "StudentT",
    "Uniform",
    "UniformI2",
    "UniformShrinkage",
    "bartos_mu_prior",
    "bartos_tau_prior",
    "load_mixture",
    "parse_prior",
    "rhodes_prior",
    "turner_prior",
    "uisd",
]
