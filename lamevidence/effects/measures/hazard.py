"""One group, a constant hazard λ: patients with an event in a time, or events in person-time.

A row is one of two kinds. Of n patients followed for time t the r with at least one event are Bin(n, 1 − S(λt)); the x
events of person-time T are Poisson(λT). With a gamma frailty of variance φ between patients (mean 1), S(m) is
(1 + φm)^(−1/φ) instead of e^(−m), and the events of n patients are negative binomial with shape n/φ. Columns of the
other kind are empty (NaN). Times are in years, so that hazards are per person-year.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

import numpy as np
from numpy.typing import NDArray

from .base import Estimates, FloatArray
from .registering import file_measure

__all__ = [
    "HAZARD_COLUMNS",
    "events_slopes",
    "events_value",
    "hazard_columns",
    "hazard_from_risk",
    "hazard_missing",
    "hazard_notes",
    "hazard_rules",
    "log_hazard",
    "log_survival",
    "risk_slopes",
    "risk_value",
]

HAZARD_COLUMNS = ("patients", "total", "time", "events", "person_time")
"""Patients with an event, of how many, in which time; events, in which person-time."""

Impossible = tuple[str, NDArray[np.bool_], str]
_FAR = 300.0
"""Beyond this cumulative hazard nobody is left: e^−300 of a patient."""
_CLOSE = -0.05
"""Log survival above which the next term of the series is below rounding."""
_LOW, _HIGH = -200.0, 300.0
"""Log cumulative hazards between which all powers that the derivatives hold are numbers."""


# ---- columns ----------------------------------------------------------------------------------
def hazard_columns(data: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return the five columns and the frailty, what is absent as NaN and no frailty as 0."""
    known = [*data.values()]
    shape = np.broadcast_shapes(*(np.shape(column) for column in known)) if known else ()
    full = {name: np.asarray(data.get(name, np.full(shape, np.nan)), dtype=np.float64) for name in HAZARD_COLUMNS}
    return full | {"frailty": np.asarray(data.get("frailty", np.zeros(shape)), dtype=np.float64)}


def hazard_rules(data: Mapping[str, FloatArray]) -> list[Impossible]:
    """Return what a row of a study must be: one kind and whole, each rule with the mask of the rows that break it."""
    c = hazard_columns(data)
    there = {name: ~np.isnan(c[name]) for name in HAZARD_COLUMNS}
    risk, events = there["patients"] | there["time"], there["events"] | there["person_time"]
    named = [name for name in HAZARD_COLUMNS if name in data]
    of_events = "events" if "events" in data else "person_time"
    found: list[Impossible] = [
        (of_events, risk & events, "beside patients with an event on the same row · leave one kind empty"),
        (
            named[0] if named else "patients",
            ~risk & ~events,
            "the row has neither patients of a total in a time nor events in person-time · leave the row out by hand",
        ),
        ("time", risk & ~there["time"], "missing: the time in which these patients were counted · give it in years"),
        ("patients", risk & ~there["patients"], "missing: the patients with an event in this time"),
        ("total", risk & ~there["total"], "missing: the patients followed, of whom these had an event"),
        ("person_time", events & ~there["person_time"], "missing: the person-time in which these events were counted"),
        ("events", events & ~there["events"], "missing: the events in this person-time"),
        ("total", c["total"] == 0, "nobody was observed"),
    ]
    if "frailty" in data:
        varied = events & (c["frailty"] > 0) & ~there["total"]
        found += [
            ("frailty", np.isnan(c["frailty"]), "missing: the variance of the frailty · 0 where there is none"),
            ("frailty", varied, "events of patients whose hazards differ need these patients · give total"),
        ]
    return found


def hazard_missing(given: Container[str]) -> str:
    """Return what is missing where these columns do not make a hazard, and how to give it."""
    if "frailty" in given and "total" not in given:
        return "measure HAZ lacks total: hazards that differ between patients need these patients · name the column"
    risk = [name for name in ("patients", "total", "time") if name not in given]
    events = [name for name in ("events", "person_time") if name not in given]
    if "patients" in given or "time" in given:
        first, why = risk[0] if risk else events[0], "patients with an event are read with their total and the time"
        if not risk:
            why = "events are read with their person-time"
        return f"measure HAZ lacks {first}: {why} · name the column, or give one number for all rows ({first}=1)"
    if "events" in given or "person_time" in given:
        return f"measure HAZ lacks {events[0]}: events are read with their person-time · name the column"
    return "measure HAZ is made from patients, total and time, or from events and person_time · name the columns"


def hazard_notes(counts: Mapping[str, FloatArray]) -> tuple[str, ...]:
    """Return the sentences about what the likelihood takes for granted of these rows."""
    c = hazard_columns(counts)
    notes = []
    if (~np.isnan(c["patients"])).any():
        notes.append(
            "Risks are read as 1 − exp(−hazard × time): the hazard is taken as constant, and every patient as followed"
            " for the whole time; competing drop-out is not modelled."
        )
    varied = c["frailty"][c["frailty"] > 0]
    if varied.size:
        low, high = float(varied.min()), float(varied.max())
        span = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        notes.append(
            f"Hazards differ between the patients of a study with variance {span} around a mean of 1 (gamma frailty),"
            " as given: events cluster in patients, and counting them as independent would claim too much."
        )
    elif (~np.isnan(c["events"])).any():
        notes.append(
            "Events are taken as independent; where they cluster in patients (frailty= takes the variance) intervals"
            " are too narrow."
        )
    return tuple(notes)


# ---- estimates --------------------------------------------------------------------------------
def hazard_from_risk(risk: FloatArray, frailty: FloatArray) -> FloatArray:
    """Return the cumulative hazard λt at which this share of patients has had an event: S⁻¹(1 − risk)."""
    with np.errstate(all="ignore"):
        log_free = np.log1p(-risk)
        varied = np.expm1(-frailty * log_free) / frailty
    return np.asarray(np.where(frailty > 0, varied, -log_free))


def _columns(data: Mapping[str, FloatArray], chosen: Mapping[str, object]) -> dict[str, FloatArray]:
    """Return the columns of both kinds; the measure has no correction for zeros, which its likelihoods do not need."""
    return hazard_columns(data)


@file_measure(
    "HAZ",
    title="log hazard",
    needs=" ".join(HAZARD_COLUMNS),
    alternatives=(
        "patients total time",
        "events person_time",
        "events person_time total",
        "patients total time frailty",
        "events person_time total frailty",
        "patients total time events person_time frailty",
    ),
    family="hazard",
    prepare=_columns,
    scale="log",
    back=np.exp,
    forward=np.log,
    null=None,
    back_title="hazard",
    reference="Prentice & Gloeckler 1978; doi:10.2307/2529588",
)
def log_hazard(
    patients: FloatArray,
    total: FloatArray,
    time: FloatArray,
    events: FloatArray,
    person_time: FloatArray,
    frailty: FloatArray,
) -> Estimates:
    """Return log(S⁻¹(1 − r/n)/t) or log(x/T), and p q^(−2φ−1)/(n m²) or 1/x + φ/n, whichever the row has."""
    p = patients / total
    m = hazard_from_risk(p, frailty)
    risk = ~np.isnan(patients)
    clustered = np.where(frailty > 0, frailty / total, 0.0)
    yi = np.where(risk, np.log(m / time), np.log(events / person_time))
    vi = np.where(risk, p * (1 - p) ** (-2 * frailty - 1) / (total * m**2), 1 / events + clustered)
    return Estimates(yi, vi)


# ---- likelihoods, as functions of η = log(λ t) or log(λ T) --------------------------------------
def log_survival(eta: FloatArray, frailty: FloatArray | float) -> FloatArray:
    """Return log S(e^η): −m, or −log(1 + φm)/φ."""
    m = np.exp(np.minimum(np.maximum(eta, _LOW), _HIGH))
    if not np.any(frailty):
        return np.asarray(-m)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(np.asarray(frailty) > 0, -np.log1p(frailty * m) / frailty, -m))


def _log_risk(free: FloatArray) -> FloatArray:
    """Return log(1 − S) from log S; by its series where S is close to 1."""
    out = np.asarray(np.log(1.0 - np.exp(np.minimum(free, _CLOSE))))
    small = free > _CLOSE
    if small.any():
        gone = -free[small]
        square = gone * gone
        out[small] = np.log(gone) - gone / 2 + square * (1 / 24 - square * (1 / 2880 - square / 181440))
    return out


def risk_value(
    eta: FloatArray, r: FloatArray | float, n: FloatArray | float, frailty: FloatArray | float
) -> FloatArray:
    """Return r log(1 − S) + (n − r) log S, without the binomial coefficient."""
    free = log_survival(eta, frailty)
    value = free * (n - r)
    if np.any(r):
        value += r * _log_risk(free)
    return np.asarray(value)


def risk_slopes(
    eta: FloatArray, r: FloatArray | float, n: FloatArray | float, frailty: FloatArray | float, *, third: bool = True
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the first three derivatives of `risk_value`; the last is the second again unless asked for.

    With ℓ = log S and R = S/(1 − S): (log(1 − S))' = −ℓ'R, R' = ℓ'(R + R²).
    """
    m = np.exp(np.minimum(np.maximum(eta, _LOW), _HIGH))
    # nobody is left beyond, and R is 0 however large the powers of m are
    near = np.minimum(m, np.where(np.asarray(frailty) > 0, np.inf, _FAR))
    with np.errstate(over="ignore"):
        ratio = 1.0 / np.expm1(-log_survival(np.log(near), frailty))
    bent = ratio + ratio * ratio
    all1, all2, all3 = _survival_slopes(m, frailty)
    f1, f2, f3 = _survival_slopes(near, frailty)
    rest = n - r
    first = rest * all1 - r * f1 * ratio
    second = rest * all2 - r * (f2 * ratio + f1 * f1 * bent)
    if not third:
        return first, second, second
    bend = f3 * ratio + 3.0 * f1 * f2 * bent + f1**3 * (1.0 + 2.0 * ratio) * bent
    return first, second, np.asarray(rest * all3 - r * bend)


def _survival_slopes(m: FloatArray, frailty: FloatArray | float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the derivatives of log S by η at cumulative hazards ``m``."""
    if not np.any(frailty):
        return -m, -m, -m
    u = 1.0 / (1.0 + frailty * m)
    return -m * u, -m * u * u, -m * u**3 * (1.0 - frailty * m)


def events_value(eta: FloatArray, x: FloatArray | float, shape: FloatArray | float) -> FloatArray:
    """Return xη − (x + s) log(1 + e^η/s), or xη − e^η for s = ∞, without the constant."""
    eta = np.clip(eta, -700.0, 700.0)
    m = np.exp(eta)
    with np.errstate(invalid="ignore"):
        spread = (x + shape) * np.log1p(m / shape)
    return np.asarray(x * eta - np.where(np.isinf(shape), m, spread))


def events_slopes(
    eta: FloatArray, x: FloatArray | float, shape: FloatArray | float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the first three derivatives of `events_value`."""
    m = np.exp(np.clip(eta, -700.0, 700.0))
    with np.errstate(invalid="ignore"):
        p = m / shape / (1.0 + m / shape)
        spread = (x + shape) * p
        first = np.where(np.isinf(shape), m, spread)
        second = np.where(np.isinf(shape), m, spread * (1.0 - p))
        third = np.where(np.isinf(shape), m, spread * (1.0 - p) * (1.0 - 2.0 * p))
    return np.asarray(x - first), -second, -third
