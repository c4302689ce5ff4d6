"""The commands and their help. Whatever is slow to import is imported by the command that needs it.

`train`, `evaluate` and `export` are training's own commands where training is installed, and say
what is missing where it is not.
"""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from app import __version__
from app.process import leave
from rowscan import parts

SERVE_PANEL: Final = "Read digits"
TRAIN_PANEL: Final = "Make a model"
CHECKOUT_PANEL: Final = "Measure"
EXIT_FAILED: Final = 1

EPILOG: Final = (
    "Settings of the service, which `predict` goes by too, are environment variables such as "
    "ROWSCAN_PORT and ROWSCAN_MODELS_DIR; README.md lists them."
)
PREDICT_EPILOG: Final = (
    "Exit codes: 0 all files were read, 1 some could not be read, 2 wrong usage, 3 there is no "
    "model or no service, 130 stopped by Ctrl-C."
)
# Everything after the command's name is for another program.
PASS_ON: Final = {"allow_extra_args": True, "ignore_unknown_options": True}

Url = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="Address of a running service, such as http://localhost:8000."
    ),
]


def build(with_training: bool) -> typer.Typer:
    """The command line; with training's own commands or what stands in for them."""
    cli = typer.Typer(
        no_args_is_help=True,
        context_settings={"help_option_names": sorted(parts.HELP)},
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",  # joins the lines of a paragraph
        help="Reads handwritten digits, one row of pixels at a time.",
        epilog=EPILOG,
    )
    cli.callback(invoke_without_command=True)(_options)
    cli.command(rich_help_panel=SERVE_PANEL)(serve)
    cli.command(rich_help_panel=SERVE_PANEL, epilog=PREDICT_EPILOG, no_args_is_help=True)(predict)
    cli.command(rich_help_panel=SERVE_PANEL)(health)
    if with_training:
        _add_training(cli)
    else:
        for name, what in parts.TRAINING_COMMANDS.items():
            cli.command(
                name,
                rich_help_panel=TRAIN_PANEL,
                help=f"{what} Needs the packages of training, which are not installed.",
                context_settings=PASS_ON,
                add_help_option=False,
            )(no_training)
    cli.command(rich_help_panel=CHECKOUT_PANEL, context_settings=PASS_ON, add_help_option=False)(
        bench
    )
    return cli


def run(words: list[str]) -> None:
    """Run the command that the words name. Does not return."""
    own = words[:1] in (["serve"], ["predict"], ["health"], ["bench"])
    try:
        build(not own and not parts.missing_for_training())(words, prog_name="rowscan")
    except SystemExit as end:
        # Without taking TensorFlow down, which takes seconds.
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        leave(end.code if isinstance(end.code, int) else EXIT_FAILED if end.code else 0)


def serve() -> None:
    """Serve the newest model over HTTP until told to stop.

    The same as `python -m app`. Takes no options: ROWSCAN_PORT=8001 rowscan serve
    """
    parts.run_service([])


def predict(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="Pictures of one digit each: PNG, JPEG, GIF, BMP or WebP. Of a folder, all of "
            "these below it.",
        ),
    ],
    url: Url = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="One JSON object a line: `file`, and the fields of the HTTP answer or problem.",
        ),
    ] = False,
    csv_file: Annotated[
        Path | None,
        typer.Option(
            "--csv", metavar="FILE", help="Write a CSV file instead of the table; - is stdout."
        ),
    ] = None,
) -> None:
    """Read digits from picture files, as POST /predict does.

    With the newest model, in this process, or by a running service with --url, which is sent the
    key in ROWSCAN_API_KEY if it wants one. A file that cannot
    be read gets a row that says why, and the others are read all the same.
    """
    from rowscan.outputs import Form
    from rowscan.predict import main

    raise typer.Exit(main(files, url, Form(as_json, csv_file)))


def health(url: Url = None) -> None:
    """Ask whether a service can answer: exit code 0 when it can, else 1.

    Without --url that of ROWSCAN_HOST and ROWSCAN_PORT. Answers within two seconds, in one line.
    """
    from rowscan.health import check

    raise typer.Exit(check(url))


def bench(context: typer.Context) -> None:
    """Run the benchmarks of a checkout: rowscan bench latency"""  # noqa: D415 - a command at its end
    if not parts.has_benchmarks():
        _fail("bench needs a checkout of the project: the benchmarks are in no package.")
    if missing := parts.missing_for_training():
        _fail(f"bench needs {', '.join(missing)}. {parts.INSTALL_TRAINING}")
    parts.run_benchmarks(context.args)


def no_training(context: typer.Context) -> None:
    """Say what is missing."""
    missing = ", ".join(parts.missing_for_training())
    _fail(f"{context.info_name} needs {missing}. {parts.INSTALL_TRAINING}")


def _fail(why: str) -> None:
    print(f"rowscan: {why}", file=sys.stderr)
    raise typer.Exit(EXIT_FAILED)


def _add_training(cli: typer.Typer) -> None:
    """Take training's commands over, for their help and for completion."""
    from training.__main__ import cli as training

    for command in training.registered_commands:
        shown = copy.copy(command)
        shown.rich_help_panel = TRAIN_PANEL
        cli.registered_commands.append(shown)


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", is_eager=True),
    ] = False,
) -> None:
    if version:
        print(f"rowscan {__version__}")
        raise typer.Exit
