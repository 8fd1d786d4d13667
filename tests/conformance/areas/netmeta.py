"""Network meta-analysis."""

from __future__ import annotations

from typing import Any

from tests.conformance.runner import Unsupported


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    del inputs, case
    raise Unsupported("network meta-analysis is not offered")
