"""The settings that operations need, and all settings as they may be shown."""

import json
import re
from collections.abc import Mapping

from pydantic import BaseModel

from consumer.secrets import MASK, masked
from consumer.settings import ConsumerSettings
from trainer.settings import TrainerSettings

OPTIONS = ("kafka", "schema_registry", "redis", "spark")
"""Settings that are options of a library, by name."""
_LOGIN = re.compile(r":.*@")


class OperationSettings(ConsumerSettings, TrainerSettings):
    """What the requests of operators need: the settings of the consumer and the trainer."""


def shown(settings: BaseModel) -> dict[str, str]:
    """Every setting as text with its secrets masked."""
    return {name: as_text(name, getattr(settings, name)) for name in type(settings).model_fields}


def as_text(name: str, value: object) -> str:
    """The value of a setting with its secrets masked; secret types mask themselves."""
    if isinstance(value, Mapping):
        return json.dumps(masked(value) if name in OPTIONS else value)
    return str(value) if hasattr(value, "get_secret_value") else _LOGIN.sub(f":{MASK}@", str(value))
