"""The parts of the docs that are made from the code: every setting, command and module.

``make docs`` writes them; a test compares.
"""

import ast
import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from consumer.metrics import METRICS as CONSUMER
from consumer.telemetry.metric import Metric
from gigstream.cli import Later, cli
from gigstream.settings import Settings
from project.tree import PACKAGES, ROOT, modules, parsed
from trainer.metrics import METRICS as TRAINER
from web.api.app import app
from web.metrics import METRICS as SERVE
from web.settings import ServeSettings

MARKED = re.compile(r"(<!-- made from the code: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
FIELDS = Settings.model_fields
PAGES = (
    "docs/settings.md",
    "docs/commands.md",
    "docs/map.md",
    "docs/http.md",
    "docs/metrics.md",
    "README.md",
)
METRICS: dict[str, tuple[Metric, ...]] = {
    "consumer": CONSUMER,
    "trainer": TRAINER,
    "serve": SERVE,
}


def settings() -> str:
    """A table of the settings of each class that declares some: variable, default, meaning."""
    classes = [kind for kind in reversed(Settings.__mro__) if own(kind)]
    return "\n\n".join(map(settings_of, classes))


def settings_of(kind: type) -> str:
    rows = [f"**{(kind.__doc__ or '').partition('.')[0]}**", "", "| variable | default | |"]
    rows.append("|---|---|---|")
    for name in own(kind):
        field = FIELDS[name]
        value = field.get_default(call_default_factory=True)
        default = "" if value in ({}, "") else f"`{value}`"
        meaning = " ".join((field.description or "").replace("``", "`").replace("|", "\\|").split())
        rows.append(f"| `GIGSTREAM_{name.upper()}` | {default} | {meaning} |")
    return "\n".join(rows)


def own(kind: type) -> list[str]:
    """The settings whose declaration in this class is the one in force."""
    return [
        name for name in inspect.get_annotations(kind) if name in FIELDS and owner(name) is kind
    ]


def owner(name: str) -> type:
    return next(kind for kind in Settings.__mro__ if name in inspect.get_annotations(kind))


def commands() -> str:
    """Each command's own help text."""
    return "\n\n".join(f"## {name}\n\n```text\n{text}\n```" for name, text in helps())


def summary() -> str:
    """A table of all commands, one line each."""
    rows = ["| command | does |", "|---|---|"]
    for name, command in cli.commands.items():
        rows.append(f"| `{name}` | {command.get_short_help_str(150)} |")
    return "\n".join(rows)


def helps() -> Iterator[tuple[str, str]]:
    return helps_of(cli, cli.make_context("gigstream", [], resilient_parsing=True))


def helps_of(group: click.Group, above: click.Context) -> Iterator[tuple[str, str]]:
    for name, made in group.commands.items():
        command = made.load() if isinstance(made, Later) else made
        context = click.Context(command, info_name=name, parent=above, terminal_width=100)
        yield context.command_path, command.get_help(context)
        if isinstance(command, click.Group):
            yield from helps_of(command, context)


def metrics() -> str:
    """A table of the metrics of each process."""
    return "\n\n".join(f"## {name}\n\n{metrics_of(METRICS[name])}" for name in METRICS)


def metrics_of(listed: Iterable[Metric]) -> str:
    rows = ["| metric | kind | unit | labels | meaning |", "|---|---|---|---|---|"]
    for each in listed:
        labels = ", ".join(f"`{label}`" for label in each.labels)
        rows.append(
            f"| `{each.shown_name}` | {each.kind} | {each.unit} | {labels} | {each.meaning} |"
        )
    return "\n".join(rows)


def packages() -> str:
    """A table of all packages and sub-packages, one line each."""
    rows = ["| package | what it holds |", "|---|---|"]
    for init in (m for package in PACKAGES for m in modules(package) if m.endswith("__init__.py")):
        folder = init.removesuffix("__init__.py")
        name = f"**`{folder}`**" if folder.count("/") == 1 else f"[`{folder}`]({folder})"
        rows.append(f"| {name} | {summary_of(init)} |")
    return "\n".join(rows)


def files() -> str:
    """A section for each package: every module with the first sentence of its docstring."""
    return "\n\n".join(map(files_of, PACKAGES))


def files_of(package: str) -> str:
    scripts = (str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*.lua"))
    own = sorted({*modules(package), *scripts} - {f"{package}/__init__.py"})
    rows = [f"| [`{m.removeprefix(package + '/')}`](../{m}) | {summary_of(m)} |" for m in own]
    title = f"## {package}\n\n{summary_of(f'{package}/__init__.py')}"
    return "\n".join([title, "", "| file | what it holds |", "|---|---|", *rows])


def summary_of(file: str) -> str:
    """The first sentence of a module's docstring, or of a Lua script's opening comment."""
    if file.endswith(".lua"):
        comment = re.match(r"(?:--.*\n)+", (ROOT / file).read_text(encoding="utf-8"))
        text = re.sub(r"^-- ?", "", comment[0] if comment else "", flags=re.MULTILINE)
        first = re.split(r"(?<=\.)\s", text)[0]
    else:
        first = (ast.get_docstring(parsed(file)) or "").partition("\n\n")[0]
    return " ".join(first.split()).replace("``", "`").replace("|", "\\|")


def description() -> dict[str, Any]:
    """The OpenAPI description of the HTTP API."""
    nothing: Any = None
    return app(ServeSettings(), nothing).openapi_schema.to_schema()


def routes() -> str:
    """A table of all routes of the HTTP API."""
    rows = ["| route | does |", "|---|---|"]
    for path, methods in description()["paths"].items():
        for method, operation in methods.items():
            rows.append(f"| `{method.upper()} {path}` | {first_sentence(operation)} |")
    return "\n".join(rows)


def first_sentence(operation: Mapping[str, Any]) -> str:
    text = " ".join(str(operation["description"]).split())
    return re.split(r"(?<=[.?]) ", text)[0]


def parameters() -> str:
    """A table of the query parameters of the venues for an artist."""
    rows = ["| parameter | default | |", "|---|---|---|"]
    operation = description()["paths"]["/v1/artists/{identity}/venues"]["get"]
    for each in operation["parameters"]:
        if each["in"] == "query":
            default = json.dumps(each["schema"]["default"]) if "default" in each["schema"] else ""
            rows.append(
                f"| `{each['name']}` | {default and f'`{default}`'} | {each['description']} |"
            )
    return "\n".join(rows)


MAKERS = {
    "routes": routes,
    "parameters": parameters,
    "settings": settings,
    "commands": commands,
    "summary": summary,
    "packages": packages,
    "files": files,
    "metrics": metrics,
}


def made(text: str) -> str:
    """The page with its marked parts as the code has them today."""
    return MARKED.sub(lambda m: f"{m[1]}\n{MAKERS[m[2]]()}\n\n{m[3]}", text)


if __name__ == "__main__":
    for page in PAGES:
        path = ROOT / page
        path.write_text(made(path.read_text(encoding="utf-8")), encoding="utf-8")
