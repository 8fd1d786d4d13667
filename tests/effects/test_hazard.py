"""Log hazards: two kinds of row in one table, each with the numbers of its kind, and nothing else."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import InputError, OptionError

BOTH = {c: c for c in ("patients", "total", "time", "events", "person_time")}
SAE = pd.DataFrame(
    {
        "study": ["A", "B", "C", "D"],
        "patients": [5, 10, 0, None],
        "total": [25, 22, 19, None],
        "time": [1.0, 1.0, 0.55, None],
        "events": [None, None, None, 6],
        "person_time": [None, None, None, 25.0],
    }
)


def table(frame=SAE, **more):
    columns = {c: c for c in (*BOTH, "frailty") if c in frame} | more
    return lam.EvidenceTable.from_frame(frame, "HAZ", study="study", **columns)


def changed(row, **cells):
    frame = SAE.astype(object)
    for name, value in cells.items():
        frame.loc[row, name] = value
    return frame


def test_estimates_by_hand():
    found = table()
    # 5 of 25 in a year: λ = −log .8; delta method p/(n q log²q). 6 events in 25 years: log .24, variance 1/6
    assert found.yi[0] == pytest.approx(np.log(-np.log(0.8)), abs=1e-14)
    assert found.vi[0] == pytest.approx(0.2 / (25 * 0.8 * np.log(0.8) ** 2), rel=1e-13)
    assert (found.yi[3], found.vi[3]) == (pytest.approx(np.log(0.24)), pytest.approx(1 / 6))
    # no events: no estimate, but 19 patients in .55 years are information
    assert np.isnan(found.yi[2])
    assert np.isnan(found.vi[2])
    assert found.counts["patients"][2] == 0
    assert found.n[:3].tolist() == [25, 22, 19]
    assert np.isnan(found.n[3])


def test_variances_by_simulation_of_the_estimate():
    """Numerical derivative of the estimate by the risk, times the binomial variance; with and without frailty."""
    for frailty in (0.0, 0.7):
        columns = {"total": 4000.0, "time": 2.0} | ({"frailty": frailty} if frailty else {})
        middle = lam.escalc("HAZ", patients=[1000.0], **columns)
        ends = [lam.escalc("HAZ", patients=[x], **columns).yi[0] for x in (999.0, 1001.0)]
        slope = (ends[1] - ends[0]) / (2 / 4000)
        assert middle.vi[0] == pytest.approx(slope**2 * 0.25 * 0.75 / 4000, rel=1e-5)
        risk = lam.effects.hazard_to_risk(middle.yi[0], 2.0, frailty)
        assert risk == pytest.approx(0.25, abs=1e-12)


def test_either_pair_of_columns_may_be_absent():
    risks = SAE.iloc[:3][["study", "patients", "total", "time"]]
    events = SAE.iloc[3:][["study", "events", "person_time"]]
    apart = lam.EvidenceTable.concat([table(risks), table(events)])
    whole = table()
    np.testing.assert_array_equal(apart.yi, whole.yi)
    for name, column in whole.counts.items():
        np.testing.assert_array_equal(apart.counts[name], column)


def test_a_frailty_is_kept_when_tables_are_joined():
    with_frailty = table(SAE.iloc[:3].assign(frailty=0.5))
    joined = lam.EvidenceTable.concat([with_frailty, table(SAE.iloc[3:])])
    assert joined.counts["frailty"].tolist() == [0.5, 0.5, 0.5, 0.0]


def test_what_the_notes_say_is_so():
    def noted(found, words):
        return any(words in note for note in found.notes)

    assert noted(table(), "drop-out is not modelled")
    assert not noted(table(SAE.iloc[3:]), "drop-out is not modelled")
    assert noted(table(), "intervals are too narrow")
    assert not noted(table(SAE.iloc[:3]), "intervals are too narrow")
    clustered = table(SAE.iloc[:2].assign(frailty=[0.5, 0.8]))
    assert noted(clustered, "variance 0.5 to 0.8")
    assert noted(table(), "without a correction for C")


@pytest.mark.parametrize(
    ("row", "cells", "words", "mended"),
    [
        (0, {"time": None}, "row 0 .A. column 'time'.*time in which these patients", {"time": 1.0}),
        (0, {"total": None}, "column 'total'.*patients followed", {"total": 25}),
        (0, {"patients": None}, "column 'patients'.*patients with an event", {"patients": 5}),
        (0, {"events": 4}, "column 'events'.*leave one kind empty", {"events": None}),
        (0, {"person_time": 4.0}, "column 'events'.*leave one kind empty", {"person_time": None}),
        (3, {"events": None, "person_time": None}, "row 3 .D.*neither patients", {"events": 6, "person_time": 25.0}),
        (3, {"person_time": None}, "column 'person_time'.*person-time in which", {"person_time": 25.0}),
        (3, {"events": None}, "column 'events'.*events in this person-time", {"events": 6}),
        (1, {"patients": 23}, "column 'patients': 23 · more events than total", {"patients": 22}),
        (1, {"patients": -1}, "cannot be negative", {"patients": 0}),
        (1, {"patients": 2.5}, "not a whole number", {"patients": 2}),
        (1, {"total": 0, "patients": 0}, "nobody was observed", {"total": 22}),
        (1, {"time": 0.0}, "time must be positive", {"time": 0.1}),
        (3, {"person_time": -2.0}, "time must be positive", {"person_time": 2.0}),
        (1, {"time": "a year"}, "'a year' is not a number", {"time": 1.0}),
    ],
)
def test_each_impossible_row_has_its_own_error_and_its_remedy_works(row, cells, words, mended):
    with pytest.raises(InputError, match=words):
        table(changed(row, **cells))
    assert table(changed(row, **{**cells, **mended})).k == 4


def test_a_table_made_by_hand_is_held_to_the_same():
    made = table()
    counts = {**made.counts, "time": np.full(4, np.nan)}
    with pytest.raises(InputError, match="time in which these patients"):
        dataclasses.replace(made, counts=counts)


def test_a_frailty_needs_the_patients_behind_events():
    with pytest.raises(InputError, match="need these patients · give total"):
        table(SAE.assign(frailty=0.5))
    assert table(changed(3, total=25).assign(frailty=0.5)).k == 4
    with pytest.raises(InputError, match="variance cannot be negative"):
        table(SAE.iloc[:3].assign(frailty=-0.5))
    with pytest.raises(InputError, match="0 where there is none"):
        table(SAE.iloc[:3].assign(frailty=[0.5, None, 0.2]))


def test_a_column_of_a_kind_missing_as_a_whole():
    for given, lacks in (
        ({"patients": "patients", "total": "total"}, "lacks time: .*give one number for all rows .time=1."),
        ({"patients": "patients", "time": 1}, "lacks total"),
        ({"time": 1, "total": "total"}, "lacks patients"),
        ({"patients": "patients", "total": "total", "time": 1, "events": "events"}, "lacks person_time"),
        ({"events": "events"}, "lacks person_time"),
        ({"events": "events", "person_time": 3, "frailty": 0.5}, "lacks total"),
        ({"total": "total"}, "from patients, total and time, or from events and person_time"),
    ):
        with pytest.raises(OptionError, match=lacks):
            lam.EvidenceTable.from_frame(SAE.iloc[:3], "HAZ", study="study", **given)
    assert lam.EvidenceTable.from_frame(SAE.iloc[:3], "HAZ", patients="patients", total="total", time=1).k == 3


def test_a_unit_is_refused_for_times_are_in_years():
    with pytest.raises(OptionError, match="divide months by 12"):
        table(unit="events/person-month")


def test_risks_at_a_time():
    assert lam.effects.hazard_to_risk(np.log(0.3), [0.5, 1, 2]) == pytest.approx(1 - np.exp([-0.15, -0.3, -0.6]))
    # gamma frailty: E exp(−u m) over u ~ Gamma(1/φ, φ), by quadrature
    u, w = np.polynomial.laguerre.laggauss(150)
    shape = 1 / 0.5
    free = np.sum(w * u ** (shape - 1) * np.exp(-0.3 * u / shape))  # Γ(2) = 1
    assert lam.effects.hazard_to_risk(np.log(0.3), 1, 0.5) == pytest.approx(1 - free, abs=1e-10)
    assert lam.effects.hazard_to_risk([-np.inf, np.inf], 1).tolist() == [0.0, 1.0]
    for bad in ({"time": 0}, {"time": -1}, {"frailty": -1}, {"log_hazard": np.nan}):
        with pytest.raises(InputError):
            lam.effects.hazard_to_risk(**{"log_hazard": 0.0, "time": 1.0, **bad})
