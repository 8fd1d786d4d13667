"""The table in the terminal: within its width, its numbers those of the results, plain where it must be."""

from __future__ import annotations

import re
import unicodedata

import pytest

import lamevidence as lam
from lamevidence.foundation.numbers import fixed
from lamevidence.reports.answer import Answer, whole_answer
from lamevidence.reports.lines import LEAST, MOST_LINES, WIDE
from lamevidence.reports.terminal import render_answer
from lamevidence.results.scale import reader_scale
from lamevidence.results.study_intervals import study_intervals

SLOPES, PERCENT, RATIOS = "fev1-slope-on-sirolimus", "stomatitis", "serious-adverse-events-two-arm"
SIDE_BY_SIDE = "miles-adverse-events-by-category"


@pytest.fixture(scope="module")
def answers():
    registry = lam.load_registry()
    return {question: whole_answer(registry, question) for question in (SLOPES, PERCENT, RATIOS, SIDE_BY_SIDE)}


def columns(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


@pytest.mark.parametrize("width", [LEAST, 64, 80, 92, WIDE, 200])
@pytest.mark.parametrize("question", [SLOPES, PERCENT, RATIOS, SIDE_BY_SIDE])
def test_no_line_is_wider_than_the_terminal(answers, question, width):
    lines = render_answer(answers[question], width=width).splitlines()
    assert max(map(columns, lines)) <= width
    rule = next(line for line in lines if set(line) == {"─"})
    assert columns(rule) == min(width, WIDE)
    assert len(lines) <= MOST_LINES or width < 80


def test_columns_go_in_their_order(answers):
    heads = {
        w: next(x for x in render_answer(answers[SLOPES], width=w).splitlines() if x.startswith("Study"))
        for w in (100, 82, 64, 56)
    }
    assert all(name in heads[100] for name in ("Design", "Weight", "Shrunken"))
    assert "Shrunken" not in heads[64]
    assert "Design" not in heads[64]
    assert all("95% CI" in head for head in heads.values())
    narrow = render_answer(answers[SLOPES], width=64)
    assert "  new −107 to 215" in narrow, "what a new study may find keeps its place"


@pytest.mark.parametrize("question", [SLOPES, PERCENT, RATIOS])
def test_rows_are_those_that_the_figure_draws(answers, question):
    found = answers[question]
    text = render_answer(found)
    rows = study_intervals(found.table, reader_scale(found.table), 0.95)
    for label, estimate in zip(found.table.labels, rows.estimate, strict=True):
        line = next(line for line in text.splitlines() if line.startswith(label[:20]))
        printed = [float(x.replace("−", "-")) for x in re.findall(r"(?<![\w.])[−-]?\d+\.\d+(?=\s+\[)", line)]
        whole = [float(x.replace("−", "-")) for x in re.findall(r"[−-]?\d+(?=\s+\[)", line)]
        assert (printed or whole)[0] == pytest.approx(estimate, abs=0.5 if not printed else 0.06)


def test_the_pooled_rows_are_those_of_the_results(answers):
    found = answers[PERCENT]
    text = render_answer(found)
    shown, belief = found.fit.display(0.95), found.post.display(0.95)
    line = next(line for line in text.splitlines() if line.startswith(found.fit.spec.label))
    assert fixed(shown.estimate, 1) in line
    line = next(line for line in text.splitlines() if line.startswith("Bayes, exact"))
    assert fixed(belief.estimate, 1) in line
    assert [fixed(bound, 1) in line for bound in belief.interval] == [True, True]


def test_prediction_intervals_are_printed_where_they_exist(answers):
    found = answers[SLOPES]
    assert found.fit.prediction_note
    lines = render_answer(found).splitlines()
    (row,) = [line for line in lines if "new −107 to 215" in line]
    assert row.startswith("Bayes"), "that of the posterior alone"


def test_what_is_not_pooled_is_said_with_its_reason(answers):
    text = render_answer(answers[SIDE_BY_SIDE])
    assert "not pooled: the rows share patients" in " ".join(text.split())
    assert "Bayes" not in text


def test_no_posterior_is_said_with_its_reason(answers):
    found = answers[SLOPES]
    text = render_answer(Answer(found.question, found.table, found.fit, None, "", "the reason"))
    assert "no Bayesian result: the reason" in text
    assert "Shrunken" not in text
    assert "leads" not in text


def test_a_terminal_without_unicode_gets_ascii(answers):
    for found in answers.values():
        own = render_answer(found, ascii_only=True)
        names = set("".join(found.table.labels) + found.table.title + "".join(found.table.notes))
        told = {c for e in found.table.excluded for c in e.reason + e.label + e.study}
        reasons = {c for fit in (found.fit, found.post) if fit for why in fit.spec.why.values() for c in why}
        assert {c for c in own if ord(c) > 127} <= names | told | reasons
        assert "─" not in own
        assert "τ" not in own or "τ" in reasons
