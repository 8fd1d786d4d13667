"""What effect measures are called in words: ``odds ratio`` is OR."""

from __future__ import annotations

import re

from .base import MEASURES

__all__ = ["measure_code"]

_WORDS = {
    "OR": "odds ratio, log odds ratio, odds ratios",
    "RR": "risk ratio, relative risk, log risk ratio, risk ratios",
    "RD": "risk difference, absolute risk difference, absolute risk reduction",
    "HR": "hazard ratio, log hazard ratio",
    "IRR": "rate ratio, incidence rate ratio, log rate ratio",
    "IRD": "rate difference, incidence rate difference",
    "MD": "mean difference, difference in means, difference of means, weighted mean difference, wmd",
    "SMD": "standardised mean difference, standardized mean difference, hedges g",
    "ROM": "ratio of means, response ratio, log response ratio",
    "PLO": "proportion, prevalence, logit proportion, log odds",
    "IRLN": "rate, incidence rate, log rate",
    "MN": "mean, raw mean",
    "ZCOR": "correlation, fisher z, fishers z",
    "GEN": "generic, estimates",
}
_CODES = {word: code for code, words in _WORDS.items() for word in words.split(", ")}


def measure_code(given: str) -> str:
    """Return the code of a measure given by its code in any case or by its name; anything else as it is.

    Parameters
    ----------
    given
        ``OR``, ``or``, ``odds ratio``, ``Hedges' g`` …

    Examples
    --------
    >>> measure_code("Odds ratio"), measure_code("or"), measure_code("nothing")
    ('OR', 'OR', 'nothing')
    """
    if not isinstance(given, str) or given in MEASURES:
        return given
    text = re.sub(r"[\s_-]+", " ", given.casefold().replace("'", "").replace("’", "")).strip()
    if text in _CODES:
        return _CODES[text]
    return next((code for code in MEASURES if code.casefold() == text), given)
