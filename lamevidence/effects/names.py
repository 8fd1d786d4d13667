"""The words a user's columns go by: friendly names of each family, and the field's own names."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import OptionError, UnknownName
from .measures import Measure

__all__ = ["canonical_names"]

FRIENDLY: dict[str, dict[str, str]] = {
    "two-by-two": {
        "events": "ai", "non_events": "bi", "total": "n1i",
        "control_events": "ci", "control_non_events": "di", "control_total": "n2i",
    },
    "matched-pairs": {
        "both": "ai", "first_only": "bi", "second_only": "ci", "neither": "di", "cor": "ri",
    },
    "person-time": {
        "events": "x1i", "person_time": "t1i", "control_events": "x2i", "control_person_time": "t2i",
    },
    "means": {
        "mean": "m1i", "sd": "sd1i", "n": "n1i", "control_mean": "m2i", "control_sd": "sd2i", "control_n": "n2i",
        "d": "di", "t": "ti", "p": "pi",
    },
    "change": {
        "post_mean": "m1i", "post_sd": "sd1i", "pre_mean": "m2i", "pre_sd": "sd2i", "n": "ni", "cor": "ri",
    },
    "proportion": {"events": "xi", "total": "ni", "non_events": "mi"},
    "rate": {"events": "xi", "person_time": "ti"},
    "mean": {"mean": "mi", "sd": "sdi", "n": "ni"},
    "correlation": {"cor": "ri", "n": "ni", "t": "ti", "predictors": "mi", "r2": "r2i", "alpha": "ai", "items": "mi"},
    "generic": {"observed_minus_expected": "oei"},
}
"""Family → friendly name → metafor's name."""


def canonical_names(measure: Measure, given: Mapping[str, object]) -> dict[str, object]:
    """Return the mapping with every friendly name replaced by metafor's.

    Raises
    ------
    UnknownName
        A keyword that the measure has under neither spelling; the message lists what it has.
    OptionError
        One number given under both spellings.
    """
    wanted = {name for way in (measure.needs, *measure.alternatives) for name in way}
    words = {word: name for word, name in FRIENDLY.get(measure.family, {}).items() if name in wanted}
    found: dict[str, object] = {}
    for word, value in given.items():
        name = words.get(word, word)
        if name not in wanted:
            known = (*words, *sorted(wanted), *measure.options, *measure.numbers, "study", "moderators")
            raise UnknownName(f"argument for measure {measure.code}", word, known)
        if name in found:
            raise OptionError(f"{name} is given twice, as {name} and as {word} · give it once")
        found[name] = value
    return found
