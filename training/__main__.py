"""The command line: `python -m training train | evaluate | export`."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from training.data import open_mnist
from training.errors import TrainingError, UnknownPresetError
from training.presets import PRESETS, find_preset

if TYPE_CHECKING:
    from training.job import Job

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

WIDE = 140  # characters
EXIT_FAILED = 1
EXIT_USAGE = 2  # as typer has it
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells have it
EPILOG = (
    "Exit codes: 0 it is done, 1 it could not be done (one line says why), 2 wrong usage, 130 "
    "stopped by Ctrl-C."
)

cli = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # joins the lines of a paragraph
    help="Train, measure and publish the network that reads digits.",
    epilog=EPILOG,
)

DataDir = Annotated[
    Path | None,
    typer.Option(
        help="Folder with MNIST's four IDX files; else $ROWSCAN_DATA_DIR; else they are downloaded "
        "once into your cache.",
    ),
]
ModelsDir = Annotated[
    Path,
    typer.Option(
        envvar="ROWSCAN_MODELS_DIR",
        help="Where versions are published: `<folder>/1`, `<folder>/2`, …",
    ),
]
PresetName = Annotated[str, typer.Option("--preset", help=f"One of: {', '.join(sorted(PRESETS))}.")]
Seed = Annotated[int, typer.Option(min=0, help="Same seed, same result on the same machine.")]
RunDir = Annotated[
    Path | None,
    typer.Option(
        help="Checkpoint and report go here; networks that teach the preset, but for those that "
        "come with the source, are trained in folders beside it.  "
        "[default: `runs/<preset>-<seed>`]"
    ),
]

MODELS_DIR = Path("models/digits")


@cli.command(epilog=EPILOG)
def train(
    preset: PresetName = "default",
    data_dir: DataDir = None,
    models_dir: ModelsDir = MODELS_DIR,
    run_dir: RunDir = None,
    seed: Seed = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the run's checkpoint.")
    ] = False,
    tensorboard: Annotated[
        Path | None,
        typer.Option(
            help="Also log the figures of each epoch here, in a folder for each run, for "
            "tensorboard --logdir."
        ),
    ] = None,
) -> None:
    """Train a preset, evaluate it, and publish it as the next version."""
    find_preset(preset)  # before the seconds of the next line
    _import_tensorflow()
    from training import run

    job = replace(_job(preset, seed, data_dir, run_dir, models_dir), boards_dir=tensorboard)
    try:
        run.train(job, resume=resume, console=Console())
    except KeyboardInterrupt:
        print(f"Stopped. {run.what_is_kept(job)}", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED) from None


@cli.command(epilog=EPILOG)
def export(
    preset: PresetName = "default",
    data_dir: DataDir = None,
    models_dir: ModelsDir = MODELS_DIR,
    run_dir: RunDir = None,
    seed: Seed = 1,
    evaluation: Annotated[
        Path | None,
        typer.Option(
            help="Show these figures in the report too, written by evaluate --json of a version of "
            "the same weights."
        ),
    ] = None,
) -> None:
    """Evaluate and publish what a run's checkpoint holds, finished or not, as the next version."""
    from training.checkpoint import require_checkpoint

    require_checkpoint(_folder(preset, seed, run_dir))  # before anything is downloaded
    _import_tensorflow()
    from training import run

    run.export(_job(preset, seed, data_dir, run_dir, models_dir), Console(), evaluation)


@cli.command(epilog=EPILOG)
def evaluate(
    model: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a version, such as models/digits/1.  [default: the newest one]"
        ),
    ] = None,
    models_dir: ModelsDir = MODELS_DIR,
    data_dir: DataDir = None,
    url: Annotated[
        str | None,
        typer.Option(
            help="Measure a running service instead, such as http://localhost:8000, by uploads."
        ),
    ] = None,
    pictures: Annotated[
        list[Path] | None,
        typer.Option(
            help="Also read these digits: a folder of image files (7_1.png, 7/1.png), or an "
            ".npz of `images` uint8 (n, height, width) and `labels`. Repeat for more."
        ),
    ] = None,
    not_digits: Annotated[
        list[Path] | None,
        typer.Option(help="The same of pictures that are not digits; labels are not needed."),
    ] = None,
    corruptions: Annotated[
        bool,
        typer.Option("--corruptions", help="Also damage the test images in MNIST-C's 15 ways."),
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures here.")
    ] = None,
    markdown_file: Annotated[
        Path | None, typer.Option("--markdown", help="Write the tables here, as Markdown.")
    ] = None,
    page_file: Annotated[
        Path | None,
        typer.Option("--page", help="Write one HTML file here: the tables, and pictures."),
    ] = None,
) -> None:
    """Measure a version, or a running service.

    Always on MNIST's 10,000 test images; on pictures of your own, on pictures that are not digits
    and on damaged digits where you ask for it. Pictures go through the very code that serves.
    The page shows the misread ones, each beside what the network saw.
    """
    from training.answers import find_version

    # Before anything is downloaded, or takes seconds.
    where = find_version(model, models_dir) if url is None else url
    _import_tensorflow()
    from training.measure import Plan
    from training.outputs import Outputs
    from training.run import evaluate_version

    plan = Plan(
        open_mnist(data_dir),
        pictures=pictures or (),
        not_digits=not_digits or (),
        corruptions=corruptions,
        show=page_file is not None,
    )
    outputs = Outputs(json_file, markdown_file, page_file)
    # What goes into a file or a pipe has no window to fit into.
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    evaluate_version(where, plan, outputs, console)


def _import_tensorflow() -> None:
    """Import TensorFlow, which takes seconds that --help does not have, without its greeting.

    It greets on file descriptor 2, at any log level, unless it is told to do without oneDNN, with
    which training is faster.
    """
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import_module("tensorflow")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _job(
    preset: str, seed: int, data_dir: Path | None, run_dir: Path | None, models_dir: Path
) -> Job:
    """Return the job that the options describe."""
    from training.job import Job

    folder = _folder(preset, seed, run_dir)
    return Job(find_preset(preset), seed, open_mnist(data_dir), folder, models_dir)


def _folder(preset: str, seed: int, run_dir: Path | None) -> Path:
    return run_dir or Path("runs") / f"{find_preset(preset).name}-{seed}"


def main() -> None:
    """Run the command line; every expected failure is one line on stderr."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        cli()
    except UnknownPresetError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(EXIT_USAGE)
    except (TrainingError, OSError) as error:  # the latter names its file itself
        print(f"error: {error}", file=sys.stderr)
        sys.exit(EXIT_FAILED)


if __name__ == "__main__":
    main()
