"""`python -m benchmarks NAME [--quick] [--json]`; `all` runs every one and writes the page."""

import argparse
import importlib
import sys
from pathlib import Path

from benchmarks.report import Report, machine

NAMES = (
    "matrix", "foldin", "topn", "reasons", "solver", "sweeps",
    "warm", "large", "ingest", "freshness", "commits", "takeover",
    "serve", "status", "metrics", "tick", "takeback", "lookup",
)  # fmt: skip
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Every figure is the median over several runs, ours and its anchor in turn within one run, since
absolute times wander on shared machines. `python -m benchmarks NAME` repeats one,
`make bench` all of them and rewrites this page.
"""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=[*NAMES, "all"])
    parser.add_argument("--quick", action="store_true", help="small inputs: does it run at all")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    args = parser.parse_args()
    sys.path.append(str(ROOT / "tests"))  # the tests' servers serve here too
    names = NAMES if args.name == "all" else (args.name,)
    reports = [_measured(name, quick=args.quick) for name in names]
    for report in reports:
        print(report.json() if args.json else report.markdown())
    if args.name == "all" and not args.quick:
        PAGE.write_text(_page(reports))


def _measured(name: str, *, quick: bool) -> Report:
    report: Report = importlib.import_module(f"benchmarks.{name}").measure(quick=quick)
    return report


def _page(reports: list[Report]) -> str:
    where = ", ".join(f"{key} {value}" for key, value in machine().items())
    return "\n".join([HEAD, f"Machine: {where}.\n", *(report.markdown() for report in reports)])


if __name__ == "__main__":
    main()
