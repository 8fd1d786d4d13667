"""The course over time: metafor 3.8's rma.mv of dat.ishak2007 with vcalc(phi = .97), and contrasts of it (anova)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.errors import LamEvidenceError
from lamevidence.synthesis import TimeCourse, time_course

DATA = pd.read_csv(Path(__file__).parent / "data" / "ishak2007.csv")


def course(frame: Any = DATA, **changed: Any) -> TimeCourse:
    given = {"yi": "yi", "vi": "vi", "study": "study", "time": "time", "correlation": 0.97}
    return time_course(frame, **given | changed)


@pytest.mark.parametrize(
    ("struct", "means", "errors"),
    [
        (
            "HAR",
            (-25.9047378940, -27.4608384387, -28.6559377762, -26.4934081080),
            (1.0118191277, 1.1405525687, 1.0321488557, 1.3817162016),
        ),
        (
            "CAR",
            (-25.9417844835, -27.3936900561, -28.7053633361, -26.3969966708),
            (1.0836008320, 1.0519297271, 1.0497935401, 1.3420815887),
        ),
    ],
)
def test_means_are_those_of_metafor(struct: str, means: tuple[float, ...], errors: tuple[float, ...]) -> None:
    rows = course(struct=struct).to_frame()
    assert rows["estimate"].to_numpy() == pytest.approx(means, rel=2e-6)
    assert rows["std_error"].to_numpy() == pytest.approx(errors, rel=2e-5)
    assert list(rows["k"]) == [24, 22, 25, 11]


def test_functionals_are_contrasts_with_all_covariances() -> None:
    found = course(struct="CAR")
    for row, estimate, error, p in (
        (found.slope(), -0.2677309842, 0.4271945467, 0.5308433779),
        (found.plateau(3), -27.5511800034, 1.1013330978, 0.0),
        (found.change(1, 4), -0.4552121872, 1.3063267882, 0.7274892569),
    ):
        assert row["estimate"][0] == pytest.approx(estimate, rel=2e-5)
        assert row["std_error"][0] == pytest.approx(error, rel=2e-5)
        assert row["p_value"][0] == pytest.approx(p, abs=2e-6)
    assert found.slope(1, 2)["estimate"][0] == pytest.approx(found.change(1, 2)["estimate"][0])
    assert found.change(4, 1)["estimate"][0] == pytest.approx(0.4552121872, rel=2e-5)


def test_a_table_gives_what_its_frame_gives_and_time_may_be_measured_in_other_units() -> None:
    table = lam.EvidenceTable.from_estimates(
        DATA["yi"], vi=DATA["vi"], studies=list(DATA["study"]), moderators={"quarter": DATA["time"]}
    )
    whole = time_course(table, time="quarter", correlation=0.97, struct="CAR").to_frame()
    pd.testing.assert_frame_equal(whole, course(struct="CAR").to_frame())
    months = course(DATA.assign(time=DATA["time"] * 3), struct="CAR", correlation=0.97 ** (1 / 3))
    assert months.to_frame()["estimate"].to_numpy() == pytest.approx(whole["estimate"], rel=1e-4)
    assert months.slope()["estimate"][0] == pytest.approx(-0.2677309842 / 3, rel=1e-3)


def test_errors_that_are_not_correlated_are_those_of_a_diagonal() -> None:
    alone = course(correlation=0.0, struct="ID")
    fit = lam.multilevel(
        alone.fit.table,
        random="time | study",
        struct="ID",
        moderators=np.equal.outer(DATA["time"].to_numpy(), [1, 2, 3, 4]) * 1.0,
    )
    assert alone.to_frame()["estimate"].to_numpy() == pytest.approx(fit.estimate)


def test_the_sentence_names_what_was_assumed() -> None:
    words = course(unit="points", time_unit="quarter").describe()
    assert words.startswith("Mean points by quarter (95% interval): 1: -25.9 (-27.89 to -23.92), k = 24;")
    assert "0.97 to the power of the quarters between them" in words


TWICE = pd.concat([DATA, DATA[:1]])


@pytest.mark.parametrize(
    ("frame", "change", "remedy"),
    [
        (DATA, {"correlation": 1.0}, "correlation"),
        (DATA, {"struct": "XX"}, "HAR"),
        (DATA, {"vi": None}, "one of sei= and vi="),
        (DATA, {"sei": "vi"}, "one of sei= and vi="),
        (DATA, {"time": "tme"}, "did you mean 'time'"),
        (DATA, {"yi": 3}, "yi"),
        (DATA[DATA["time"] == 1], {}, "use lam.pool"),
        (TWICE, {}, "leave one out, or average them"),
        (DATA.assign(time=np.nan), {}, "time"),
        (DATA.assign(study=[None, *DATA["study"][1:]]), {}, "row 0 has no study · name it"),
        (3, {}, "read by its columns"),
    ],
)
def test_what_is_no_course_is_refused_with_its_remedy(frame: Any, change: Any, remedy: str) -> None:
    with pytest.raises(LamEvidenceError, match=re.escape(remedy)):
        course(frame, **change)


def test_the_remedies_work() -> None:
    one = DATA[DATA["time"] == 1]
    assert np.isfinite(lam.pool(lam.EvidenceTable.from_estimates(one["yi"], vi=one["vi"])).estimate)
    averaged = TWICE.groupby(["study", "time"], as_index=False)[["yi", "vi"]].mean()
    assert course(averaged).to_frame()["estimate"].to_numpy() == pytest.approx(course().to_frame()["estimate"])
    found = course()
    for ask, words in (
        (lambda: found.slope(3, 3), "widen first and last"),
        (lambda: found.plateau(9), "widen first and last"),
        (lambda: found.change(1, 5), "time"),
        (lambda: found.change(2, 2), "two times"),
    ):
        with pytest.raises(LamEvidenceError, match=words):
            ask()


@pytest.mark.parametrize("missing", [None, np.nan])
def test_rows_without_a_study_are_no_study_together(missing: object) -> None:
    """Two such rows had become one study, called None or nan, in every model of this chapter that reads a frame."""
    frame = pd.DataFrame(
        {"s": ["a", "a", missing, missing], "y": [1.0, 2, 3, 4], "e": 1.0, "on": [0, 1, 0, 1], "o": ["x", "z"] * 2}
    )
    wide, spread = lam.priors.Normal(0, 9), lam.priors.HalfNormal(1)
    taus = {"tau_baseline": spread, "tau_effect": spread, "tau_bias": spread}
    joint = lam.synthesis.joint
    for ask in (
        lambda f: joint(
            f, yi="y", sei="e", study="s", treated="on", baseline=wide, effect=wide, bias=None, unit=None, **taus
        ),
        lambda f: lam.synthesis.bivariate(
            f, yi="y", sei="e", study="s", outcome="o", outcomes=("x", "z"), within_correlation=0.5, mu=wide, tau=spread
        ),
        lambda f: time_course(f, yi="y", sei="e", study="s", time="on", correlation=0.5, struct="CS"),
    ):
        with pytest.raises(LamEvidenceError, match="row 2 has no s · name it"):
            ask(frame)
        ask(frame.assign(s=["a", "a", "b", "b"]))
