"""All settings of all packages, read from the environment, a TOML file and the local stack.

Sources, the first that names a setting wins:
    1. environment variables `GIGSTREAM_<NAME>`, case-insensitive; an entry of a table is
       `GIGSTREAM_KAFKA__SECURITY_PROTOCOL` for the librdkafka option `security.protocol`
    2. `gigstream.toml` in the working folder, or the file that `GIGSTREAM_CONFIG` names
    3. the recipe file of `gigstream tune` that `recipe_file` names: settings of the fit
    4. `local.json` in the home folder, as long as the `gigstream up` that wrote it runs
    5. defaults

`GIGSTREAM_TEST_*` is left to the tests. Any other name that is no setting is a problem.
"""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, get_origin

from pydantic import ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from consumer.secrets import MASK, is_secret
from gigstream.errors import WrongUse
from gigstream.stack_file import running_stack
from operations.settings import shown
from trainer import recipe_file
from web.settings import ApiSettings

PREFIX = "GIGSTREAM_"
CONFIG = "GIGSTREAM_CONFIG"
_IGNORED = "GIGSTREAM_TEST_"
_ORIGINS = "GIGSTREAM_ORIGINS"
"""Of a child process: where its parent has each value from, since for it all are variables."""
_UP = "gigstream up"
_FOLDERS = ("home", "spark_jars", "recipe_file")
_LIBRDKAFKA_UNDERSCORED = {"log_level", "enabled_events"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class BadSettings(WrongUse):
    """Settings that cannot be: one line for each problem."""


class Settings(ApiSettings, BaseSettings):
    """Every setting of the consumer, the trainer, serving and the HTTP API."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _as_meant(cls, value: object, field: ValidationInfo) -> object:
        """Refuse quotes and white space that a file of variables left around a text."""
        if not isinstance(value, str | Path) or field.field_name in cls._tables():
            return value
        problem = _stray(str(value))
        if problem:
            shown = "its value" if field.field_name == "redis_url" else repr(str(value))[:80]
            raise ValueError(f"{shown} {problem}; remove what does not belong there")
        return _expanded(str(value)) if field.field_name in _FOLDERS else value

    @classmethod
    def _tables(cls) -> set[str]:
        """Return the names of the settings that are tables of options."""
        return {name for name, it in cls.model_fields.items() if get_origin(it.annotation) is dict}

    @field_validator("kafka", "schema_registry", "spark", mode="before")
    @classmethod
    def _dotted_names(cls, options: object) -> object:
        """Dotted names for those of environment variables, which cannot hold a dot."""
        return _texts(options, _dotted)

    @field_validator("redis", mode="before")
    @classmethod
    def _redis_values(cls, options: object) -> object:
        return _texts(options, str)

    def __repr_args__(self) -> Iterator[tuple[str, str]]:
        """Masks secrets wherever settings are printed."""
        yield from shown(self).items()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The sources, highest priority first.

        Arguments, environment, TOML file, recipe file, local stack.

        Args:
            settings_cls: the class to fill.
            init_settings: arguments of the constructor.
            env_settings: environment variables.
            dotenv_settings: not used.
            file_secret_settings: not used.
        """
        del dotenv_settings, file_secret_settings
        file = read_toml()
        named = {**file, **{name.lower(): value for name, value in env_settings().items()}}
        home = Path(str(named.get("home", cls.model_fields["home"].default)))
        with suppress(ValueError):  # reported when the setting is validated
            home = Path(_expanded(str(home)))
        return (
            init_settings,
            env_settings,
            InitSettingsSource(settings_cls, init_kwargs=file),
            # Below what a person has named: a recipe never overrides a decision.
            InitSettingsSource(settings_cls, init_kwargs=_tuned(named)),
            InitSettingsSource(settings_cls, init_kwargs=running_stack(home)),
        )


def load() -> Settings:
    """The settings of this process, validated.

    Raises:
        BadSettings: Names and values that cannot be, all of them, one line each.
    """
    problems = [*_unknown_in_environment(), *_unknown_in_file()]
    try:
        settings = Settings()
        if not problems:
            return settings
    except ValidationError as error:
        problems += _invalid(error)
    except SettingsError as error:  # only where a table was given as text
        problems.append(f"{error}; write it as a JSON object")
    raise BadSettings("\n".join(problems))


def environment(settings: Settings) -> dict[str, str]:
    """The settings as variables for a child process, which then needs no file to have them."""
    variables = {CONFIG: os.devnull, _ORIGINS: json.dumps(_handed_on(settings))}
    for name in Settings.model_fields:
        value = _plain(getattr(settings, name))
        variables[PREFIX + name.upper()] = (
            json.dumps(value) if isinstance(value, dict) else str(value)
        )
    return variables


def origins(settings: Settings) -> dict[str, str]:
    """Where each value comes from: variables, a file, `gigstream up`, or the default."""
    if handed_on := os.environ.get(_ORIGINS):
        return dict(json.loads(handed_on))
    variables: dict[str, list[str]] = {}
    for name in sorted(os.environ):
        variables.setdefault(name.upper().partition("__")[0], []).append(name)
    file, tuned, stack = read_toml(), _tuned(vars(settings)), running_stack(settings.home)
    tables = Settings._tables()  # noqa: SLF001 - ours
    # In the order in which the first that names a setting wins.
    places = (
        (file, os.environ.get(CONFIG, "gigstream.toml")),
        (tuned, settings.recipe_file),
        (stack, _UP),
    )
    found: dict[str, str] = {}
    for name in Settings.model_fields:
        given = variables.get(PREFIX + name.upper(), [])
        named = given + [place for content, place in places if name in content]
        # A table is put together from all that name a part of it; any other value is the first's.
        found[name] = ", ".join(named if name in tables else named[:1]) or "default"
    return found


def _handed_on(settings: Settings) -> dict[str, str]:
    """The origins of a child's settings: what differs from this process's own, `up` has chosen."""
    own = load()
    return {
        name: origin if getattr(settings, name) == getattr(own, name) else _UP
        for name, origin in origins(own).items()
    }


def read_toml(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The settings file's content, empty where there is none.

    Raises:
        BadSettings: It is named and missing, or is no TOML.
    """
    named = environ.get(CONFIG)
    path = Path(named or "gigstream.toml")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if named:
            raise BadSettings(f"{CONFIG}: {path} does not exist; create it or unset it") from None
        return {}
    except (OSError, ValueError) as error:
        raise BadSettings(f"{path} cannot be read: {error}; correct its TOML") from None


def _tuned(named: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the recipe file, if one is named.

    Raises:
        BadRecipe: It is missing or no recipe file.
    """
    path = str(named.get("recipe_file") or "")
    return dict(recipe_file.read(Path(path).expanduser()).recipe) if path else {}


def _texts(options: object, rename: Callable[[str], str]) -> object:
    if not isinstance(options, Mapping):
        return options
    texts = {
        rename(str(name)): (str(value).lower() if isinstance(value, bool) else str(value))
        for name, value in options.items()
    }
    for name, text in texts.items():
        # A password may begin and end with quotes, and a PEM key has several lines.
        problem = (
            None if "-----BEGIN" in text else _stray(text.strip("'\"") if is_secret(name) else text)
        )
        if problem:
            raise ValueError(f"the value of {name!r} {problem}; remove what does not belong there")
    return texts


def _stray(text: str) -> str | None:
    """Find what does not belong to a text, such as quotes that `--env-file` keeps."""
    if text[:1] in {"'", '"'} and text[-1:] == text[:1]:
        return "stands in quotes, which count as part of it"
    if _CONTROL.search(text):
        return "holds a control character, such as the end of a line"
    return "begins or ends with white space" if text != text.strip() else None


def _expanded(path: str) -> str:
    """Expand `~` in a folder as a shell does.

    Raises:
        ValueError: The home folder is unknown.
    """
    try:
        # An empty text is a default, not the working folder.
        return path and str(Path(path).expanduser())
    except RuntimeError as error:
        raise ValueError(f"{path!r}: {error}; write the whole path") from None


def _dotted(name: str) -> str:
    plain = "." in name or name in _LIBRDKAFKA_UNDERSCORED
    return name if plain else name.replace("_", ".")


def _unknown_in_environment() -> Iterator[str]:
    for name in sorted(os.environ):
        if name.upper().startswith(PREFIX) and not name.upper().startswith(_IGNORED):
            setting, _, entry = name.upper().removeprefix(PREFIX).lower().partition("__")
            if name.upper() not in {CONFIG, _ORIGINS} and not _known(setting, entry):
                yield f"{name}: no such setting; {_advice(setting, environment=True)}"


def _unknown_in_file() -> Iterator[str]:
    for setting in read_toml():
        if setting not in Settings.model_fields:
            yield f"gigstream.toml: {setting}: no such setting; {_advice(setting)}"


def _known(setting: str, entry: str) -> bool:
    field = Settings.model_fields.get(setting)
    return field is not None and (not entry or get_origin(field.annotation) is dict)


def _advice(setting: str, *, environment: bool = False) -> str:
    close = difflib.get_close_matches(setting, Settings.model_fields, n=1, cutoff=0.5)
    if not close:
        return "remove it; `gigstream check` lists all settings"
    return f"did you mean {PREFIX + close[0].upper() if environment else close[0]}?"


def _invalid(error: ValidationError) -> Iterator[str]:
    """One line for each refused value, under the name by which it was given."""
    for problem in error.errors(include_input=True, include_url=False):
        setting = str(problem["loc"][0]) if problem["loc"] else ""
        own = problem["msg"].removeprefix("Value error, ").replace("\n", " ")
        if problem["type"] != "value_error":  # pydantic's words do not name the value
            value = MASK if _holds_secrets(setting) else repr(problem["input"])[:80]
            own = f"{value} cannot be: {own[:1].lower()}{own[1:]}"
        yield f"{_given_as(setting)}: {own}"


def _given_as(setting: str) -> str:
    """The variable that named the setting, or its name in the file."""
    if not setting:
        return "settings"
    given = {name.upper().split("__")[0]: name.split("__")[0] for name in os.environ}
    return given.get((PREFIX + setting).upper(), f"gigstream.toml: {setting}")


def _holds_secrets(setting: str) -> bool:
    table = setting in Settings._tables()  # noqa: SLF001 - ours
    return table or setting == "redis_url" or is_secret(setting)


def _plain(value: object) -> object:
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value
