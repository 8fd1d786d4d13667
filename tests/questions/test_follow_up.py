"""Follow-up as a rule of eligibility, and the list of what enters nothing."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from lamevidence.cli.app import app
from lamevidence.foundation.errors import OptionError
from lamevidence.foundation.lineage import Reported
from lamevidence.questions.question import FollowUpRange


def time(text: str) -> Reported:
    number, unit = text.split()
    return Reported(Decimal(number), unit)


@pytest.mark.parametrize(
    ("given", "held"),
    [("12 month", True), ("1 year", True), ("11.9 month", False), ("24 month", True), ("2.1 year", False)],
)
def test_ends_are_included_and_units_converted(given, held):
    assert FollowUpRange(time("12 month"), time("2 year")).holds(time(given)) is held


def test_what_no_range_is_is_refused_and_the_remedy_works():
    with pytest.raises(OptionError, match="swap them"):
        FollowUpRange(time("2 year"), time("12 month"))
    assert FollowUpRange(time("12 month"), time("2 year")).holds(time("18 month"))
    with pytest.raises(OptionError, match="give a time, such as 12 month"):
        FollowUpRange(least=time("12 mL"))
    assert str(FollowUpRange(least=time("12 month"))) == "at least 12 month"
    with pytest.raises(OptionError, match="give one of them"):
        FollowUpRange()
    with pytest.raises(OptionError, match="give a time of 0 or more"):
        FollowUpRange(least=time("-2 year"))
    assert FollowUpRange(least=time("0 year")).holds(time("0 day"))


def test_list_unused_names_findings_with_reasons():
    told = CliRunner().invoke(app, ["list", "--unused"])
    assert told.exit_code == 0
    assert "chang-2014" in told.stdout
    shape = json.loads(CliRunner().invoke(app, ["list", "--unused", "--json"]).stdout)
    assert shape["entering"] == shape["poolable"] - len(shape["unused"])
    assert all(one["reason"] for one in shape["unused"])
    assert f"{shape['entering']} of {shape['poolable']} findings enter" in told.stdout
