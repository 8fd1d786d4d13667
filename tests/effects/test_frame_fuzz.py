"""Mutated frames are refused in words or make a table of numbers; the long run is `tests.effects.frame_fuzz`."""

from __future__ import annotations

from tests.effects.frame_fuzz import run


def test_mutated_frames_are_refused_or_make_numbers():
    assert run(300) == []
