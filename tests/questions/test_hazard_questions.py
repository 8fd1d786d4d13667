"""Questions of hazards: patients in a time and events in person-time of the registry, each with its lineage."""

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.effects.derive.counts import years_followed
from lamevidence.foundation.errors import NotDerivable
from lamevidence.registry.records import Dichotomous, Timeframe


@pytest.fixture(scope="module")
def registry():
    return lam.load_registry()


def test_serious_adverse_events_of_three_diseases(registry):
    table = registry.evidence("serious-adverse-event-hazard")
    assert table.studies == ("bissler-2008", "mccormack-2011", "benveniste-2021-ibm")
    # 5 of 25 in a year, 23 events of 46 patients in a planned year, 10 of 22 in a year: as printed
    np.testing.assert_array_equal(table.counts["patients"], [5, np.nan, 10])
    np.testing.assert_array_equal(table.counts["time"], [1, np.nan, 1])
    np.testing.assert_array_equal(table.counts["events"], [np.nan, 23, np.nan])
    np.testing.assert_allclose(table.counts["person_time"], [np.nan, 46, np.nan])
    assert "patients with an event" not in str(table.lineage[1])
    assert "every patient was followed for the whole time" in str(table.lineage[0])
    assert any("drop-out is not modelled" in note for note in table.notes)
    assert lam.pool_bayes(table).likelihood == "hazard"


def test_stomatitis_at_its_two_times(registry):
    """The numbers of the reference posterior of 56/63 in .75 and 14/39 in 29.6/12 years."""
    post = lam.pool_bayes(registry.evidence("stomatitis-hazard"))
    found = (post.log_marginal, post.mu.mean, post.mu.sd, post.tau.mean)
    assert found == pytest.approx((-10.412652, -0.591330, 0.844648, 1.425982), abs=1e-6)


def test_a_value_at_one_time_gives_no_hazard(registry):
    """A proportion at 12 months (from 12 to 12) counts nobody over a time."""
    findings = [f for s in registry.studies for f in s.findings if isinstance(f, Dichotomous)]
    at_once = [f for f in findings if isinstance(f.timeframe, Timeframe) and f.timeframe.start == f.timeframe.end]
    assert at_once
    for finding in at_once:
        with pytest.raises(NotDerivable, match="at one time"):
            years_followed(finding)
