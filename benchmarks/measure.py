"""CPU seconds of contenders that take turns, and what they were measured on."""

from __future__ import annotations

import importlib.metadata as metadata
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
ROUNDS = 3
BUDGET = 0.3
"""CPU seconds that one contender may spend on repeats in one round."""
LATE_IMPORTS = 2.0
"""CPU seconds; a first call that took longer is not repeated, one that took less is."""


def cpu(call: Callable[[], object]) -> float:
    """Return the CPU seconds of one call, repeated within the budget.

    A first call that takes less than `LATE_IMPORTS` may have spent it on importing what it needs; it does not count.
    """
    once = _timed(call, 1)
    if once < LATE_IMPORTS:
        once = _timed(call, 1)
    repeats = max(1, min(1000, int(BUDGET / max(once, 1e-6))))
    return once if repeats == 1 else _timed(call, repeats)


def _timed(call: Callable[[], object], repeats: int) -> float:
    start = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - start) / repeats


def rscript(task: str, repeats: int) -> float:
    """Return the CPU seconds of one metafor call, measured inside R."""
    script = Path(__file__).parent / "metafor.R"
    done = subprocess.run(["Rscript", str(script), task, str(repeats)], capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "Rscript failed")
    return float(done.stdout.split()[-1])


def compare(contenders: dict[str, Callable[[], float]], rounds: int = ROUNDS) -> dict[str, object]:
    """Measure all contenders in turn, ``rounds`` times; ratios are medians of ratios within rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    failed: dict[str, str] = {}
    for _ in range(rounds):
        for name, measured in contenders.items():
            if name in failed:
                continue
            try:
                seconds[name].append(measured())
            except Exception as error:
                failed[name] = f"{type(error).__name__}: {str(error)[:200]}"
    own = seconds["lamevidence"]
    ratio = {
        name: statistics.median(a / b for a, b in zip(times, own, strict=True))
        for name, times in seconds.items()
        if name not in failed
    }
    median = {name: statistics.median(times) for name, times in seconds.items() if name not in failed}
    return {"cpu_seconds": median, "times_lamevidence": ratio, "failed": failed, "rounds": rounds}


def conditions() -> dict[str, object]:
    """Return date, machine and versions."""
    versions = {}
    for name in ("numpy", "scipy", "numba", "PyMARE", "pimeta", "PyMetaAnalysis", "statsmodels", "nutpie", "pymc"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "absent"
    try:
        said = subprocess.run(
            ["Rscript", "-e", 'cat(as.character(getRversion()), as.character(packageVersion("metafor")))'],
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout.split()
        versions["R"], versions["metafor"] = (*said, "absent", "absent")[:2]
    except OSError:
        versions["R"] = versions["metafor"] = "absent"
    versions["python"] = platform.python_version()
    from lamevidence import __version__

    versions["lamevidence"] = __version__
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "load_average": [round(x, 1) for x in os.getloadavg()],
        "versions": versions,
    }


def store(name: str, result: dict[str, object]) -> Path:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(conditions() | result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
