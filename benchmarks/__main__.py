"""`python -m benchmarks NAME [--quick] [--json] [--page]`.

`all` runs every one and writes the page docs/benchmarks.md; `--page` replaces one section of it.
"""

import argparse
import importlib
import re
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
absolute times wander on shared machines. `python -m benchmarks NAME` repeats one, with `--page` it
rewrites its section; `make bench` repeats all of them and rewrites this page.
"""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=[*NAMES, "all"])
    parser.add_argument("--quick", action="store_true", help="small inputs: does it run at all")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--page", action="store_true", help="replace its section of the page")
    args = parser.parse_args()
    sys.path.append(str(ROOT / "tests"))  # the tests' servers serve here too
    names = NAMES if args.name == "all" else (args.name,)
    reports = [_measured(name, quick=args.quick) for name in names]
    for report in reports:
        print(report.json() if args.json else report.markdown())
    if args.quick:
        return
    if args.name == "all":
        PAGE.write_text(_page(reports))
    elif args.page:
        PAGE.write_text(with_section(PAGE.read_text("utf-8"), reports[0]))


def _measured(name: str, *, quick: bool) -> Report:
    report: Report = importlib.import_module(f"benchmarks.{name}").measure(quick=quick)
    return report


def _page(reports: list[Report]) -> str:
    where = ", ".join(f"{key} {value}" for key, value in machine().items())
    return "\n".join([HEAD, f"Machine: {where}.\n", *(report.markdown() for report in reports)])


def with_section(page: str, report: Report) -> str:
    """The page with this report's section in the order of `NAMES`, in place of an earlier one."""
    head, *texts = re.split(r"^(?=## )", page, flags=re.MULTILINE)
    sections = {text.split(maxsplit=2)[1]: text for text in texts}
    sections[report.name] = report.markdown() + "\n"
    ordered = sorted(sections.items(), key=lambda each: NAMES.index(each[0]))
    return head + "\n".join(text.strip("\n") + "\n" for _, text in ordered)


if __name__ == "__main__":
    main()
