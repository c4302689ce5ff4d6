"""`rowscan predict`: from the words of the command to its output and its exit code."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final, Protocol, TextIO

from app.client_key import ClientKeyError, client_key
from app.errors import ModelError
from rowscan.address import AddressError, parse_address
from rowscan.files import SUFFIXES, find_files
from rowscan.outputs import STDOUT, Form, Tally, open_outputs, progress
from rowscan.remote import RemoteModel, ServiceError
from rowscan.rows import Row

ALL_READ: Final = 0
SOME_NOT_READ: Final = 1
USAGE: Final = 2
NOBODY_READS: Final = 3
INTERRUPTED: Final = 130  # 128 + SIGINT, as shells have it


class UsageError(Exception):
    """What was asked for makes no sense; the message says what to do."""


class Model(Protocol):
    """Who reads files: `local.LocalModel` or `remote.RemoteModel`."""

    def read(self, files: Sequence[Path]) -> Iterator[list[Row]]:
        """The rows of all files, some at a time, in order."""


def main(paths: Sequence[Path], url: str | None, form: Form) -> int:
    """Run the command on this process's streams; the exit code. Errors are told in one line."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # where the terminal has no such letter
    # Of damaged metadata that is not used here; what matters raises.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        with _stdout() as stdout:
            return predict(paths, form, lambda: open_model(url), stdout, sys.stderr)
    except UsageError as error:
        print(f"rowscan: {error}", file=sys.stderr)
        return USAGE
    except (ModelError, ServiceError) as error:
        print(f"rowscan: {error}", file=sys.stderr)
        return NOBODY_READS
    except BrokenPipeError:
        raise  # whoever read along has gone, as `head` does: typer ends quietly
    except OSError as error:
        print(f"rowscan: the output cannot be written: {error.strerror}.", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("rowscan: stopped. What is not listed was not read.", file=sys.stderr)
        return INTERRUPTED


def _stdout() -> AbstractContextManager[TextIO]:
    """Where to print; nowhere, when the shell has closed stdout."""
    return nullcontext(sys.stdout) if sys.stdout else open(os.devnull, "w")  # noqa: PTH123


def predict(
    paths: Sequence[Path],
    form: Form,
    open_model: Callable[[], Model],
    stdout: TextIO,
    stderr: TextIO,
) -> int:
    """Read the files and write what was found; the exit code.

    Raises UsageError; ModelError or ServiceError when nobody can read them.
    """
    files, others = find_files(paths)
    if not files:
        kinds = ", ".join(sorted(SUFFIXES))
        raise UsageError(f"There is no picture in there: no name ends in {kinds}.")
    if form.as_json and form.csv_file == STDOUT:
        raise UsageError("JSON and CSV cannot both go to stdout. Give --csv a file.")
    _check_writable(form.csv_file)
    with open_outputs(form, stdout) as write, progress(stderr, len(files)) as advance:
        model = open_model()
        tally = Tally(passed_over=others)
        for rows in model.read(files):
            for row in rows:
                tally.count(row)
            write(rows)
            advance(len(rows))
    if not form.as_json and len(files) > 1:
        print(tally.summary(), file=stderr)
    return SOME_NOT_READ if tally.unread else ALL_READ


def open_model(url: str | None) -> Model:
    """The service at a URL, or the newest good version of the settings, loaded here.

    A service is sent the key that ROWSCAN_API_KEY holds, if any.

    Raises UsageError or ModelError.
    """
    if url is not None:
        try:
            return RemoteModel(parse_address(url), client_key())
        except (AddressError, ClientKeyError) as error:
            raise UsageError(str(error)) from error
    # Here, for they take a second, and TensorFlow some more.
    from app.__main__ import read_settings, warn_of_typos
    from app.inference.versions import Versions, saved_models
    from app.process import StartError
    from rowscan.local import LocalModel

    try:
        settings = read_settings()
        warn_of_typos(os.environ)
    except StartError as error:
        raise UsageError(str(error)) from error
    versions = Versions(settings.models_dir, saved_models, settings.model_version)
    return LocalModel(versions.load_newest().classifier, settings)


def _check_writable(csv_file: Path | None) -> None:
    """Raise UsageError when the file cannot be written, before anything else takes time."""
    if csv_file in (None, STDOUT):
        return
    try:
        csv_file.open("a").close()
    except OSError as error:
        raise UsageError(f"{csv_file} cannot be written: {error.strerror}.") from error
