"""What the trainer refuses or fails at.

TrainerError              1  failed while working
├── BadArtifact           1  a model on disk is not what its manifest vouches for
├── RefitFailed           1  the refit process ended without a model
├── RefitCutOff           3  it could not reach a server
├── Overtaken             4  another decision came before the model that was asked for was live
├── RefitRefused          4  its model could not rank; the live lists stay
├── BadRecipe             2  a recipe file that is missing or holds something else
├── BadPlaces             2  a file of places of venues that cannot be read
├── PlotNotInstalled      2  packages that `--plot` needs are not installed
├── SearchNotInstalled    2  packages that `gigstream tune` needs are not installed
├── BadSplit              2  a share of plays that is not between 0 and 1
├── LeaseHeld             4  another trainer works in this folder
├── LeaseLost             4  another trainer took this one's place
├── RegistryHeld          4  a process that was stopped holds the registry's lock
├── NoAnswer              1  the running trainer did not publish in time
├── RequestRefused        ·  the running trainer could not publish; keeps its exit code
├── NothingToFit          2  there are no plays to fit, to evaluate or to export
├── NoSuchGeneration      2  a generation that is asked for is not live or not stored
├── ErasedInside          4  a model holds an id that was erased: it is not published again
├── Unwritable            2  an export's folder does not take files
├── EngineMissing        2  this install has no such solver, or a part of it is missing
├── EngineUnfit          2  this solver cannot do what is asked
├── SparkUnreachable     3  no master of Spark answers, or it has no room for us
├── SparkFailed          1  Spark ended a fit
├── TooLarge              2  more rows or pairs than 32-bit indices number
└── InsaneModel           4  a model could not rank: it is never published
"""

from pathlib import Path


class TrainerError(Exception):
    """Base of this package's errors; `str` is one line: cause and remedy."""

    exit_code: int = 1


class BadArtifact(TrainerError):
    """A model on disk is missing, altered or of another schema."""


class RefitFailed(TrainerError):
    """The refit process ended without a model."""


class RefitCutOff(TrainerError):
    """The refit process could not reach a server: start again later."""

    exit_code = 3

    @classmethod
    def there(cls) -> "RefitCutOff":
        """Which server is in the log of that process."""
        return cls("the refit process could not reach a server; its log says which")


class Overtaken(TrainerError):
    """Another decision came before the model that was asked for was live."""

    exit_code = 4

    def __init__(self, by: str) -> None:
        super().__init__(
            f"another decision came meanwhile ({by}), so the model was not published; see "
            "`gigstream generations`, and ask again"
        )


class BadRecipe(TrainerError):
    """A recipe file is missing or holds something else."""

    exit_code = 2


class BadPlaces(TrainerError):
    """A file of places of venues cannot be read."""

    exit_code = 2


class PlotNotInstalled(TrainerError):
    """Packages that `gigstream evaluate --plot` needs are not installed."""

    exit_code = 2


class SearchNotInstalled(TrainerError):
    """Packages that `gigstream tune` needs are not installed."""

    exit_code = 2


class BadSplit(TrainerError, ValueError):
    """A share of plays that is not between 0 and 1."""

    exit_code = 2


class RefitRefused(TrainerError):
    """The refit process refused its own model; what is live stays live."""

    exit_code = 4


class LeaseHeld(TrainerError):
    """Another trainer works in this folder."""

    exit_code = 4

    def __init__(self, models: Path, owner: object) -> None:
        super().__init__(
            f"another trainer ({owner or 'just started'}) works in {models}: wait for its end "
            "with --standby, have it publish with --once, or take its place with --takeover"
        )


class LeaseLost(TrainerError):
    """Another trainer took this one's place."""

    exit_code = 4


class RegistryHeld(TrainerError):
    """A process that was stopped holds the registry's lock."""

    exit_code = 4

    def __init__(self, models: Path, owner: object) -> None:
        super().__init__(
            f"{models / 'registry.lock'} is held by a process that does not continue, most likely "
            f"the trainer ({owner or 'unknown'}): end it with `kill -9`, which loses nothing, then "
            "start this again"
        )


class NoAnswer(TrainerError):
    """The running trainer did not publish in time."""


class RequestRefused(TrainerError):
    """The running trainer could not publish what it was asked for."""

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class NothingToFit(TrainerError):
    """There are no plays to fit, to evaluate or to export."""

    exit_code = 2

    @classmethod
    def stored(cls, store: Path) -> "NothingToFit":
        """The store holds none."""
        return cls(
            f"the store in {store} holds no plays yet; "
            "run `gigstream import FILE` or `gigstream consume` first"
        )


class NoSuchGeneration(TrainerError):
    """A generation that is asked for is not live or not stored."""

    exit_code = 2

    @classmethod
    def older(cls) -> "NoSuchGeneration":
        """There is nothing to roll back to."""
        return cls(
            "no model that was published before the live one is stored; raise "
            "GIGSTREAM_MODELS_KEPT to keep more of them"
        )

    @classmethod
    def published(cls, number: int) -> "NoSuchGeneration":
        """It never was published, or so long ago that it is not known any more."""
        return cls(
            f"generation {number} was not published here; `gigstream generations` lists those that "
            "were"
        )

    @classmethod
    def stored(cls, number: int) -> "NoSuchGeneration":
        """Its model was removed."""
        return cls(
            f"the model of generation {number} is not stored any more; `gigstream generations` "
            "names the models that are, GIGSTREAM_MODELS_KEPT tells how many are kept"
        )

    @classmethod
    def held(cls) -> "NoSuchGeneration":
        """Nothing waits for a person."""
        return cls("that generation is not held; `gigstream generations` lists the verdicts")

    @classmethod
    def live(cls) -> "NoSuchGeneration":
        """Nothing is published."""
        return cls("nothing is published yet; run `gigstream train --once` first")


class ErasedInside(TrainerError):
    """A model holds an id that was erased: it is not published again."""

    exit_code = 4

    def __init__(self, artifact: str) -> None:
        super().__init__(
            f"the model {artifact} holds an id that was erased: it is not published again; choose "
            "another generation"
        )


class Unwritable(TrainerError):
    """An export's folder does not take files."""

    exit_code = 2


class TooLarge(TrainerError, ValueError):
    """More rows or pairs than 32-bit indices number."""

    exit_code = 2


class InsaneModel(TrainerError):
    """Factors, biases or additions hold a NaN or an infinity, or are absurdly large."""

    exit_code = 4


class EngineMissing(TrainerError):
    """This install has no such solver, or a part of it is missing."""

    exit_code = 2


class EngineUnfit(TrainerError):
    """This solver cannot do what is asked."""

    exit_code = 2


class SparkUnreachable(TrainerError):
    """No master of Spark answers, or it has no room for us."""

    exit_code = 3


class SparkFailed(TrainerError):
    """Spark ended a fit."""
