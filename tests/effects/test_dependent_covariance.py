"""Covariance of dependent estimates: values of metafor 3.8-1 vcalc(), and refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import InputError, OptionError

VI, S, T = [0.05, 0.04, 0.06], ["a", "a", "a"], [1, 2, 5]
TYPE, OBS = ["x", "y", "x"], [1, 1, 2]
ARMS, SIZES = (["x", "x", "y"], ["c", "c", "c"]), ([10, 10, 12], [11, 11, 11])


@pytest.mark.parametrize(
    ("options", "listed"),
    [
        ({"time": T, "phi": 0.9}, [402.4922, 359.3608, 357.1356]),
        ({"outcome": TYPE, "rho": 0.5, "time": T, "phi": 0.9}, [201.2461, 359.3608, 178.5678]),
        ({"observation": OBS, "rho": 0.7}, [447.2136, 383.4058, 342.9286]),
        ({"outcome": TYPE, "observation": OBS, "rho": 0.7, "rho_observation": 0.3}, [313.0495, 164.3168, 342.9286]),
        ({"arms": ARMS, "sizes": SIZES}, [447.2136, 273.0095, 244.1871]),
        ({"outcome": TYPE, "rho": 0.6, "arms": ARMS, "sizes": SIZES}, [268.3282, 273.0095, 146.5122]),
    ],
)
def test_metafor_values(options, listed):
    V = lam.effects.dependent_covariance(VI, S, **options)
    assert 1e4 * V[np.triu_indices(3, 1)] == pytest.approx(listed, abs=1e-4)
    assert np.diag(V) == pytest.approx(VI)


def test_an_arm_on_the_other_side_is_negative():
    V = lam.effects.dependent_covariance(
        [0.2, 0.2], ["a", "a"], arms=(["x", "c"], ["c", "y"]), sizes=([10, 10], [10, 10])
    )
    assert V[0, 1] == pytest.approx(-0.1)


def test_clusters_are_independent():
    assert lam.effects.dependent_covariance(VI, ["a", "b", "c"], time=T, phi=0.9) == pytest.approx(np.diag(VI))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"time": T}, OptionError),
        ({"phi": 0.5}, OptionError),
        ({"rho": 0.5}, OptionError),
        ({"outcome": TYPE}, OptionError),
        ({"outcome": TYPE, "rho": 0.5, "rho_observation": 0.2}, OptionError),
        ({"arms": ARMS}, OptionError),
        ({"arms": 5, "sizes": 5}, InputError),
        ({"arms": ARMS, "sizes": 5}, InputError),
        ({"arms": ARMS[:1], "sizes": SIZES}, InputError),
        ({"arms": ARMS, "sizes": ([1, 2, 0], [1, 1, 1])}, InputError),
        ({"time": [1, 2], "phi": 0.5}, InputError),
        ({"time": T, "phi": 1.5}, OptionError),
    ],
)
def test_refusals(options, error):
    with pytest.raises(error):
        lam.effects.dependent_covariance(VI, S, **options)


FOUR, CLUSTER = [0.05, 0.04, 0.06, 0.03], ["a", "a", "a", "b"]
WORDS = pd.DataFrame([[1, 0.3, 0.5], [0.3, 1, 0.2], [0.5, 0.2, 1]], index=list("xyz"), columns=list("xyz"))
RATERS = pd.DataFrame([[1, 0.8], [0.8, 1]], index=["1", "2"], columns=["1", "2"])
NO_MATRIX = pd.DataFrame([[1, -0.95, 0.9], [-0.95, 1, 0.7], [0.9, 0.7, 1]], index=list("xyz"), columns=list("xyz"))
XYZ = {"outcome": ["x", "y", "z", "x"]}


@pytest.mark.parametrize(
    ("options", "listed"),
    [
        (XYZ | {"rho": WORDS}, [0.013416407865, 0.02738612787526, 0.00979795897113]),
        (
            {
                "outcome": ["x", "y", "y", "x"],
                "observation": ["1", "1", "2", "1"],
                "rho": WORDS,
                "rho_observation": RATERS,
            },
            [0.013416407865, 0.0164316767252, 0.0391918358845],
        ),
        (
            {
                "arms": (["e", "e", "f", "e"], ["e", "c", "c", "c"]),
                "time": ([1, 2, 1, 1], [0, 2, 1, 1]),
                "sizes": ([10, 10, 12, 9], [10, 11, 11, 9]),
                "phi": 0.8,
            },
            [0.00818826105151, 0, 0.01953496626136],
        ),
        (
            {"arms": (["e", "f", "e", "e"], ["c", "c", "f", "c"]), "sizes": [1, 1, 1, 1]},
            [0.022360679775, 0.0273861278753, -0.0244948974278],
        ),
        (
            {"arms": (["e", "f", "e", "e"], ["2", "2", "2", "2"]), "sizes": [10, 12, 10, 7]},
            [0.022360679775, 0.0547722557505, 0.0244948974278],
        ),
        (XYZ | {"rho": -0.9, "not_positive": "keep"}, [-0.040249223595, -0.0492950301755, -0.0440908153701]),
        (XYZ | {"rho": -0.9, "not_positive": "nearest"}, [-0.0223606794396, -0.0273861274645, -0.0244948970604]),
        (XYZ | {"rho": NO_MATRIX, "not_positive": "nearest"}, [-0.0258824671897, 0.0295894115524, 0.0183029861267]),
    ],
)
def test_metafor_values_of_four_rows(options, listed):
    V = lam.effects.dependent_covariance(FOUR, CLUSTER, **options)
    assert V[[0, 0, 1], [1, 2, 2]] == pytest.approx(listed, rel=2e-11)
    assert np.diag(V) == pytest.approx(FOUR)
    assert not V[3, :3].any()


def test_subgroups_have_no_patient_in_common():
    options = {"subgroup": [1, 1, 2, 2], "observation": [1, 2, 3, 4], "rho": 0.6}
    V = lam.effects.dependent_covariance(FOUR, ["a"] * 4, **options)
    assert [V[0, 1], V[2, 3]] == pytest.approx([0.02683281573, 0.0254558441227], rel=2e-11)
    assert not V[:2, 2:].any()


def test_the_nearest_matrix_can_be_pooled():
    """The refusal of what is no covariance matrix names a choice that works on the same rows."""
    with pytest.raises(InputError, match="not_positive='nearest'"):
        lam.effects.dependent_covariance(FOUR, CLUSTER, **XYZ, rho=NO_MATRIX)
    V = lam.effects.dependent_covariance(FOUR, CLUSTER, **XYZ, rho=NO_MATRIX, not_positive="nearest")
    assert np.linalg.eigvalsh(V)[0] > 0
    assert lam.multilevel(lam.EvidenceTable.from_estimates([0.1, 0.3, 0.2, 0.4], V=V), random="1 | study").se > 0


NAN = float("nan")
CORRELATIONS = [[1, NAN, NAN], [0.2, 1, NAN], [0.3, 0.4, 1], [1, NAN, NAN]]
COVARIANCES = [[0.05, NAN, NAN], [0.02, 0.04, NAN], [0.01, 0.015, 0.06], [0.03, NAN, NAN]]


def test_triangles_are_those_of_rvars():
    V = lam.effects.triangle_covariance(CORRELATIONS, CLUSTER, vi=FOUR)
    assert V[[0, 0, 1], [1, 2, 2]] == pytest.approx([0.00894427191, 0.0164316767252, 0.0195959179423], rel=1e-9)
    V = lam.effects.triangle_covariance(COVARIANCES, CLUSTER)
    assert V[[0, 0, 1], [1, 2, 2]] == pytest.approx([0.02, 0.01, 0.015], rel=1e-12)
    assert np.diag(V) == pytest.approx(FOUR)
    mixed = lam.effects.triangle_covariance([COVARIANCES[i] for i in (0, 3, 1, 2)], ["a", "b", "a", "a"])
    assert mixed == pytest.approx(V[np.ix_([0, 3, 1, 2], [0, 3, 1, 2])])


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        ([[0.1], [0.2]], {}, "one column for each"),
        ([[0.05, NAN], [NAN, 0.04]], {}, "row 0: a number is missing"),
        ([[0.05, NAN], [0.02, 0.0]], {}, "a variance that is not above 0"),
        ([[0.05, NAN], [0.2, 0.04]], {}, "not_positive='nearest'"),
        ([[1, NAN], [1.2, 1]], {"vi": [1, 1]}, "no correlations"),
    ],
)
def test_triangles_that_are_none(rows, options, words):
    with pytest.raises(InputError, match=words):
        lam.effects.triangle_covariance(rows, ["a", "a"], **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rho": WORDS.loc[["x", "y"], ["x", "y"]]}, "rho lacks z"),
        ({"rho": WORDS.loc[["x", "y", "z"], ["z", "y", "x"]]}, "other columns than rows"),
        ({"rho": WORDS + np.eye(3)}, "no matrix of correlations"),
        ({"rho": WORDS.where(WORDS != 0.3, 0.4).mask(np.triu(np.ones((3, 3)), 1) > 0, 0.2)}, "symmetric"),
    ],
)
def test_matrices_of_correlations_are_checked(options, words):
    with pytest.raises(InputError, match=words):
        lam.effects.dependent_covariance(FOUR, CLUSTER, **XYZ, **options)


def test_an_arm_against_itself():
    with pytest.raises(InputError, match="row 1 contrasts an arm with itself"):
        lam.effects.dependent_covariance([0.1, 0.1], ["a", "a"], arms=(["x", "x"], ["c", "x"]), sizes=[5, 5])


def test_different_outcomes_with_correlation_one_are_not_observations_of_one():
    V = lam.effects.dependent_covariance(
        [1.0, 1.0], ["a", "a"], outcome=["x", "y"], observation=[1, 2], rho=1.0, rho_observation=0.5
    )
    assert V[0, 1] == 1.0
