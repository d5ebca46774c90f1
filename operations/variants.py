"""All trainers of one home: each has models, a prefix and a recipe of its own, and one store."""

import json
from pathlib import Path
from typing import Any

from operations.settings import OperationSettings
from trainer.recipe import Recipe
from trainer.registry.sealed import MANIFEST
from trainer.registry.state import FILE, Registry

_FOLDER = "models"


def trainers(settings: OperationSettings) -> list[OperationSettings]:
    """The settings of each trainer that has published from this home; the given ones first.

    Recipe and prefix of the others are those of their live models.

    Args:
        settings: of one of them.
    """
    folders = sorted(path.parent for path in settings.home.glob(f"{_FOLDER}*/{FILE}"))
    return [settings, *(_of(settings, each) for each in folders if each != settings.models)]


def _of(settings: OperationSettings, models: Path) -> OperationSettings:
    prefix = (
        Registry(models).state().prefix or OperationSettings.model_fields["redis_prefix"].default
    )
    variant = models.name.removeprefix(_FOLDER).removeprefix("-")
    noted = {"variant": variant, "redis_prefix": prefix}
    return settings.model_copy(update=_recipe(models) | noted)


def _recipe(models: Path) -> dict[str, Any]:
    live = Registry(models).live()
    try:
        read = json.loads((live / MANIFEST).read_bytes())["recipe"] if live else {}
        return Recipe.model_validate(read).model_dump() if read else {}
    except (OSError, ValueError, KeyError):
        # A damaged model is fitted again anyway, by the given recipe.
        return {}
