"""All settings of all packages, read from the environment, a TOML file and the local stack.

Sources, the first that names a setting wins:
    1. environment variables `GIGSTREAM_<NAME>`, case-insensitive; an entry of a table is
       `GIGSTREAM_KAFKA__SECURITY_PROTOCOL` for the librdkafka option `security.protocol`
    2. `gigstream.toml` in the working folder, or the file that `GIGSTREAM_CONFIG` names
    3. `local.json` in the home folder, as long as the `gigstream up` that wrote it runs
    4. defaults

`GIGSTREAM_TEST_*` is left to the tests. Any other name that is no setting is a problem.
"""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_origin

from pydantic import ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from consumer.settings import ConsumerSettings
from gigstream.errors import WrongUse
from gigstream.running import running_stack
from trainer.settings import TrainerSettings

PREFIX = "GIGSTREAM_"
CONFIG = "GIGSTREAM_CONFIG"
_IGNORED = "GIGSTREAM_TEST_"
_LIBRDKAFKA_UNDERSCORED = {"log_level", "enabled_events"}
_SECRET = re.compile(
    r"password|passwd|secret|token|jaas|\bkey\b|key\.pem|user\.info", re.IGNORECASE
)
MASK = "***"


class BadSettings(WrongUse):
    """Settings that cannot be: one line for each problem."""


class Settings(ConsumerSettings, TrainerSettings, BaseSettings):
    """Every setting of the consumer, the trainer and serving."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

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
        """Arguments, environment, TOML file, running local stack."""
        del dotenv_settings, file_secret_settings
        file = read_toml()
        named = {**file, **{name.lower(): value for name, value in env_settings().items()}}
        home = Path(str(named.get("home", cls.model_fields["home"].default)))
        return (
            init_settings,
            env_settings,
            InitSettingsSource(settings_cls, init_kwargs=file),
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
    variables = {CONFIG: os.devnull}
    for name in Settings.model_fields:
        value = _plain(getattr(settings, name))
        variables[PREFIX + name.upper()] = (
            json.dumps(value) if isinstance(value, dict) else str(value)
        )
    return variables


def shown(settings: Settings) -> dict[str, str]:
    """Every setting as text with its secrets masked."""
    return {name: _masked(getattr(settings, name)) for name in Settings.model_fields}


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
        raise BadSettings(f"{path} cannot be read: {error}; mend it as TOML") from None


def _texts(options: object, rename: Callable[[str], str]) -> object:
    if not isinstance(options, Mapping):
        return options
    return {rename(str(name)): _option_text(value) for name, value in options.items()}


def _dotted(name: str) -> str:
    plain = "." in name or name in _LIBRDKAFKA_UNDERSCORED
    return name if plain else name.replace("_", ".")


def _option_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unknown_in_environment() -> Iterator[str]:
    for name in sorted(os.environ):
        if name.upper().startswith(PREFIX) and not name.upper().startswith(_IGNORED):
            setting, _, entry = name.upper().removeprefix(PREFIX).lower().partition("__")
            if name.upper() != CONFIG and not _known(setting, entry):
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
            value = MASK if _secret(setting) else repr(problem["input"])[:80]
            own = f"{value} cannot be: {own[:1].lower()}{own[1:]}"
        yield f"{_given_as(setting)}: {own}"


def _given_as(setting: str) -> str:
    """The variable that named the setting, or its name in the file."""
    if not setting:
        return "settings"
    names = [name for name in os.environ if name.upper() == (PREFIX + setting).upper()]
    return names[0] if names else f"gigstream.toml: {setting}"


def _secret(name: str) -> bool:
    return name == "redis_url" or bool(_SECRET.search(name))


def _plain(value: object) -> object:
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value


def _masked(value: object) -> str:
    """As text; secret types mask themselves."""
    if isinstance(value, dict):
        return json.dumps({name: MASK if _secret(name) else v for name, v in value.items()})
    return str(value)
