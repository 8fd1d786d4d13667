"""``python -m tests.conformance DIR``: run any reference directory through the public functions."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from .mutate import mutate_directory, table
from .runner import report, run_directory


def main(argv: list[str] | None = None) -> int:
    """Return 0 when every case passed or is listed as unsupported, else 1.

    With ``--mutate`` nothing is judged but the comparisons: 0 when they notice enough wrong numbers in every area.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--area", action="append", help="only this area (may be repeated)")
    parser.add_argument("--file", help="only files whose name contains this")
    parser.add_argument("--json", type=Path, dest="out", help="write the result here")
    parser.add_argument("--show", type=int, default=20, help="how many failures to print")
    parser.add_argument("--mutate", type=float, metavar="FACTOR", help="multiply each number; are they noticed?")
    parser.add_argument("--cases", type=int, help="with --mutate, a sample of this many cases an area")
    args = parser.parse_args(argv)
    if not args.directory.is_dir():
        parser.error(f"{args.directory} is not a directory")
    if args.mutate is not None:
        if args.mutate == 1 or not args.mutate > 0:
            parser.error("--mutate takes a factor above 0 that changes something, such as 1.01")
        found = mutate_directory(
            args.directory, args.mutate, areas=args.area, name_contains=args.file, cases=args.cases
        )
        if args.out:
            args.out.write_text(json.dumps(found.to_json(), indent=1, allow_nan=False) + "\n")
        print(table(found, show=args.show))
        return 1 if found.weak else 0
    outcome = run_directory(args.directory, areas=args.area, name_contains=args.file)
    if args.out:
        args.out.write_text(json.dumps(outcome.to_json(), indent=1, allow_nan=False) + "\n")
    print(report(outcome, show=args.show))
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
