"""``realtime-ser train``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from realtime_ser.training.loop import Epoch


def command(
    recipes: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RECIPE...]",
            help="TOML files such as configs/train/NAME.toml. Of several, the best for each fold "
            "is chosen on the other folds (nested cross-validation).",
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            help="Instead of a recipe: a model, by name or folder, to go on training with the "
            "recordings of --data."
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Index CSV; without it the one the recipe names.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder of the runs; default: runs/NAME.")
    ] = None,
    fold: Annotated[
        list[str] | None,
        typer.Option(
            help="Hold out this fold, or several (1+2); may be repeated. Default: all, then "
            "'final', which holds out none."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Train a network by a recipe; interrupted runs go on where they stopped."""
    from realtime_ser.errors import ConfigError

    if init is not None:
        if recipes or fold or data is None:
            raise ConfigError("--init: takes --data INDEX.csv, and neither recipes nor --fold")
        _tune(init, data, output or Path("runs") / "tuned", device)
        return
    if not recipes:
        raise ConfigError("train: name a recipe, or a model with --init")
    _train(recipes, data, output, fold, device)


def _tune(init: str, data: Path, output: Path, device: str) -> None:
    from realtime_ser.cli.folders import make_folder
    from realtime_ser.models import find_model
    from realtime_ser.recognizer import choose_device
    from realtime_ser.training.tuning import tune

    model, where = find_model(init), choose_device(device)
    make_folder(output)
    with _writable(output), Bars() as bars:
        tuned = tune(model, data, output, where, bars)
    if tuned.silent:
        typer.echo(
            f"clips in which no speech was found: {tuned.silent}; nothing is learned from them, "
            "and they count as wrong"
        )
    typer.echo(f"{tuned.folder}: {tuned.verdict}")


def _train(
    recipes: list[Path],
    data: Path | None,
    output: Path | None,
    fold: list[str] | None,
    device: str,
) -> None:
    from realtime_ser.cli.folders import make_folder
    from realtime_ser.errors import ConfigError
    from realtime_ser.recognizer import choose_device
    from realtime_ser.training.recipe import read_recipe
    from realtime_ser.training.run import train
    from realtime_ser.training.selection import select_and_train
    from realtime_ser.training.splits import FINAL

    plans = [read_recipe(recipe) for recipe in recipes]
    plan = plans[0]
    if data is None and len({plan.data.index for plan in plans}) > 1:
        raise ConfigError("recipes to choose from name different indexes; name one with --data")
    index = data or Path(plan.data.index)
    runs = [_run(name) for name in fold] if fold else [*plan.data.folds, FINAL]
    folder = output or Path("runs") / plan.name
    where = choose_device(device)
    make_folder(folder)
    with _writable(folder), Bars() as bars:
        if len(plans) == 1:
            outcomes = train(plan, index, runs, folder, where, bars)
        else:
            outcomes = select_and_train(plans, index, runs, folder, where, bars)
    for outcome in outcomes:
        typer.echo(
            f"{outcome.run}: {outcome.folder}  validation UAR {outcome.validation_uar:.3f}  "
            f"{outcome.seconds / 60:.1f} min"
        )


@contextlib.contextmanager
def _writable(folder: Path) -> Iterator[None]:
    from realtime_ser.errors import SinkError

    try:
        yield
    except BrokenPipeError:  # nobody reads stdout any more; a next run goes on
        raise
    except OSError as error:
        reason = error.strerror or error
        raise SinkError(f"{folder}: cannot be written ({reason}); a next run goes on") from error


def _run(name: str) -> str:
    """The name of a run as the folders have it.

    Raises:
        ConfigError: it names no fold.
    """
    from realtime_ser.errors import ConfigError
    from realtime_ser.training.recipe_checks import is_folder_name
    from realtime_ser.training.splits import FINAL, folds_of, run_of

    folds = folds_of(name)
    if name != FINAL and not (folds and all(map(is_folder_name, folds))):
        raise ConfigError(f"--fold {name!r}: names no fold; use 1, 1+2 or {FINAL}")
    return run_of(folds_of(name))


class Bars:
    """Progress bars on stderr where that is a terminal, and a line an epoch.

    What begins is said above the bars; without them on stdout, so that stderr has one line where
    the command ends in an error.
    """

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        from realtime_ser.cli.consoles import PipedConsole

        console = PipedConsole(stderr=True)
        self._bars = Progress(
            "{task.description}",
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars.tasks:  # a bar that never began would still leave an empty line
            self._bars.stop()

    def clips(self, name: str, total: int) -> Callable[[], None]:
        """See ``Progress.clips``."""
        task = self._bars.add_task(name, total=total)
        self._bars.start()
        return lambda: self._bars.advance(task)

    def say(self, text: str) -> None:
        """See ``Progress.say``."""
        if self._bars.disable:
            typer.echo(text)
        else:
            self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def epoch(self, recipe: str, run: str, epoch: Epoch, total: int) -> None:
        """See ``Progress.epoch``."""
        self._bars.console.print(
            f"{recipe}  run {run}  epoch {epoch.epoch}/{total}  loss {epoch.loss:.3f}  "
            f"validation loss {epoch.validation_loss:.3f}  UAR {epoch.validation_uar:.3f}"
        )
