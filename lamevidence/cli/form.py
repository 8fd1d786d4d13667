"""``lamevidence form STUDY``: what a second reader fills in."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from .output import open_registry, print_json

__all__ = ["print_form"]


def print_form(study: str, *, sources: Sequence[str], studies: Path | None, as_json: bool) -> None:
    """Print the blank form of a study: its findings and where they are printed, without their numbers."""
    from ..foundation.options import a_choice
    from ..registry.forms import blank_form

    registry = open_registry(studies)
    record = registry.study(study)
    named = [a_choice("source", source, [p.id for p in record.publications]) for source in sources]
    form = blank_form(record, registry.vocabulary, sources=named)
    if as_json:
        print_json({"study": study, "sources": named, "form": form})
    else:
        sys.stdout.write(form)
