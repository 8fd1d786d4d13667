"""The stored power of `model_check` against its bounds, and against the code of today."""

import pytest

from benchmarks.power import PLANTS, flags_of, rate, settings_of, stored

COMPLETE = [name for name, found in stored().items() if len(found["flags"]["any"]) == PLANTS[name].sets]
"""Plants whose sets are all made; a run of the program completes the others."""


def test_the_plants_that_are_judged():
    assert {n for n, plant in PLANTS.items() if plant.family == "normal" and (plant.least or plant.most)} <= {*COMPLETE}
    assert {"binomial outlier", "structural zeros"} <= {*COMPLETE}


@pytest.mark.parametrize("name", stored())
def test_rates_are_those_of_the_flags(name):
    found = stored()[name]
    assert found["settings"] == settings_of(name)
    assert found["rates"] == {s: round(rate(flags)[0], 4) for s, flags in found["flags"].items()}
    assert {len(flags) for flags in found["flags"].values()} == {len(found["flags"]["any"])}


@pytest.mark.parametrize("name", [n for n in COMPLETE if PLANTS[n].least or PLANTS[n].most])
def test_stored_power_reaches_its_bound(name):
    share, plant = rate(stored()[name]["flags"]["any"])[0], PLANTS[name]
    if plant.least is not None:
        assert share >= plant.least
    else:
        assert share <= plant.most


@pytest.mark.parametrize("name", ["outlier", "se too large", "designs", "structural zeros"])
def test_stored_power_is_that_of_this_code(name):
    kept = stored()[name]["flags"]
    for i in range(6):
        flags = flags_of((name, i))
        assert {s: kept[s][i] for s in flags} == {s: str(x) for s, x in flags.items()}
