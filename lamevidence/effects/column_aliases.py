"""The words a user's columns go by: friendly names of each family, and the field's own names."""

from __future__ import annotations

from collections.abc import Mapping

from ..foundation.errors import OptionError, UnknownName
from .measures import MEASURES, Measure
from .measures.hazard import hazard_missing

__all__ = ["FRIENDLY", "OPTIONS", "WORDS", "canonical_names", "inputs_of", "split_words", "words_of"]

FRIENDLY: dict[str, dict[str, str]] = {
    "two-by-two": {
        "events": "ai",
        "non_events": "bi",
        "total": "n1i",
        "control_events": "ci",
        "control_non_events": "di",
        "control_total": "n2i",
    },
    "matched-pairs": {
        "both": "ai",
        "first_only": "bi",
        "second_only": "ci",
        "neither": "di",
        "cor": "ri",
    },
    "person-time": {
        "events": "x1i",
        "person_time": "t1i",
        "control_events": "x2i",
        "control_person_time": "t2i",
    },
    "means": {
        "mean": "m1i",
        "sd": "sd1i",
        "n": "n1i",
        "control_mean": "m2i",
        "control_sd": "sd2i",
        "control_n": "n2i",
        "d": "di",
        "t": "ti",
        "p": "pi",
    },
    "change": {
        "post_mean": "m1i",
        "post_sd": "sd1i",
        "pre_mean": "m2i",
        "pre_sd": "sd2i",
        "n": "ni",
        "cor": "ri",
    },
    "proportion": {"events": "xi", "total": "ni", "non_events": "mi"},
    "rate": {"events": "xi", "person_time": "ti"},
    "mean": {"mean": "mi", "sd": "sdi", "n": "ni"},
    "correlation": {"cor": "ri", "n": "ni", "t": "ti", "predictors": "mi", "r2": "r2i", "alpha": "ai", "items": "mi"},
    "generic": {"observed_minus_expected": "oei"},
}
"""Family → friendly name → metafor's name."""

OPTIONS = ("vtype", "add", "to", "drop00", "correct", "flip")
"""Options that some measure has."""


def _every_word() -> tuple[str, ...]:
    needs = (n for code in MEASURES for way in (MEASURES[code].needs, *MEASURES[code].alternatives) for n in way)
    friendly = (word for words in FRIENDLY.values() for word in words)
    return tuple(dict.fromkeys((*friendly, *needs)))


WORDS = _every_word()
"""Every word that a column may be given under, friendly names first."""


def split_words(given: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """Return the columns and the options among the arguments of a call; what is None was not given."""
    known = {name: value for name, value in given.items() if value is not None}
    return {n: known[n] for n in WORDS if n in known}, {n: known[n] for n in OPTIONS if n in known}


def words_of(measure: Measure) -> tuple[str, ...]:
    """Return the words that the columns and options of this measure go by."""
    wanted = {name for way in (measure.needs, *measure.alternatives) for name in way}
    friendly = (word for word, name in FRIENDLY.get(measure.family, {}).items() if name in wanted)
    return (*friendly, *sorted(wanted), *measure.options, *measure.numbers)


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
    words = FRIENDLY.get(measure.family, {})
    found: dict[str, object] = {}
    for word, value in given.items():
        name = words.get(word, word)
        if name not in wanted:
            raise UnknownName(f"argument for measure {measure.code}", word, words_of(measure))
        if name in found:
            raise OptionError(f"{name} is given twice, as {name} and as {word} · give it once")
        found[name] = value
    return found


def inputs_of(measure: Measure, given: Mapping[str, object]) -> tuple[str, ...]:
    """Return the first set of input names of the measure that is wholly given.

    Raises
    ------
    OptionError
        None is, or something was given that the set does not use.
    """
    ways = (measure.needs, *measure.alternatives)
    if measure.family == "hazard" and not any(set(names) == set(given) for names in ways):
        raise OptionError(hazard_missing(given))
    for names in sorted(ways, key=lambda way: set(way) != set(given)):  # what fits wholly first
        if set(names) <= set(given):
            extra = [name for name in given if name not in names]
            if extra:
                raise OptionError(
                    f"measure {measure.code} is made from {' '.join(names)} here and does not use {', '.join(extra)}"
                    " · give one set of numbers"
                )
            return names
    listed = " · or ".join(" ".join(names) for names in ways)
    raise OptionError(f"measure {measure.code} is made from {listed} · got {' '.join(given) or 'nothing'}")
