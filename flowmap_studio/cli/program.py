"""The program `flowmap-studio`: its commands, and how errors become one line and a status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from operator import attrgetter
from pathlib import Path

import click

import flowmap_studio
from flowmap_studio.cli import console
from flowmap_studio.cli.files import FILE
from flowmap_studio.cli.window import WRONG, open_window
from flowmap_studio.core.errors import (
    StudioError,
    TrainingStopped,
    device_failed,
    first_line,
    lacks_memory,
)

NAME = "flowmap-studio"
COMMANDS = {
    "bench": "bench_speed:bench.bench",  # which has all of its parts
    "compare": "compare:compare",
    "evaluate": "evaluate:evaluate",
    "info": "info:info",
    "logprob": "logprob:logprob",
    "map": "map:carry",
    "render": "render:render",
    "sample": "sample:sample",
    "targets": "targets:targets",
    "train": "train:train",
}
"""Where each command is, `module:name` in this package."""
FAILED = 1
INTERRUPTED = 130


@click.command(hidden=True)
@click.argument("file", metavar="FILE.flowmap", type=FILE)
def window(file: Path) -> int:
    """Open the window on a preset."""
    return open_window(file)


class Program(click.Group):
    """A group that takes a file instead of a command: the window opens on it.

    A command is imported when it is named or listed: no window waits for them.
    """

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: D102 - click's
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = attrgetter(name)(import_module(f"flowmap_studio.cli.{module}"))
        return command

    def list_commands(self, _ctx: click.Context) -> list[str]:  # noqa: D102 - click's
        return sorted(COMMANDS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the first argument; all arguments go to the window if it is a file.

        Raises:
            click.UsageError: It is neither.
        """
        name = args[0]
        if self.get_command(ctx, name) is not None or name.startswith("-"):
            return super().resolve_command(ctx, args)
        if Path(name).suffix.lower() == ".flowmap" or os.sep in name or os.path.exists(name):  # noqa: PTH110 - never raises
            return NAME, window, args
        import difflib

        close = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
        hint = f"did you mean {close[0]}?" if close else "and no such file."
        raise click.UsageError(f"There is no command {name!r}{';' if close else ''} {hint}", ctx)


@click.group(
    NAME,
    cls=Program,
    invoke_without_command=True,
    subcommand_metavar="[FILE.flowmap | COMMAND [ARGS]...]",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 done; 1 training could not go on, or the output could not be written; 2 "
    "wrong usage or input; 130 interrupted. Errors are one line on stderr; results go to stdout.",
)
@click.version_option(flowmap_studio.__version__, message="%(prog)s %(version)s")
@click.pass_context
def program(context: click.Context) -> None:
    """Watch a flow map learn: train, scrub, compare and share maps that carry noise to data.

    Without a command the window opens, on FILE.flowmap if it is given.
    """
    if context.invoked_subcommand is None:
        context.exit(open_window(None))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments after the program's name; those of the process when None.

    Returns:
        The exit status: 0 done, 1 failed while it ran, 2 wrong usage or input, 130 interrupted.
    """
    console.survive_narrow_encodings()
    try:
        status = _run(argv)
        sys.stdout.flush()
    except OSError as error:  # stdout itself: its reader went away, or the disk is full
        return _give_up_output(error)
    return status


def _run(argv: Sequence[str] | None) -> int:
    try:
        status = program.main(argv, prog_name=NAME, standalone_mode=False)
    except click.exceptions.Abort:
        console.error("Interrupted; nothing was written.")
        return INTERRUPTED
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else NAME
        console.error(f"{_sentence(error.format_message())} See {path} --help.")
        return WRONG
    except click.ClickException as error:
        console.error(error.format_message())
        return WRONG
    except StudioError as error:
        console.error(str(error))
        return FAILED if isinstance(error, TrainingStopped) else WRONG
    except (MemoryError, RuntimeError) as error:
        return _report(error)
    except SystemExit as error:  # how click and rich leave when the reader of stdout went away
        return error.code if isinstance(error.code, int) else FAILED
    return status if isinstance(status, int) else 0


def _report(error: MemoryError | RuntimeError) -> int:
    """Tell what libraries say of memory and devices; anything else is an error of this program."""
    if lacks_memory(error):
        console.error("Not enough memory; choose fewer points, a smaller batch or width.")
        return WRONG
    if device_failed(error):
        console.error(
            f"The device failed ({first_line(error)}); try again, or set CUDA_VISIBLE_DEVICES= to "
            "compute on the CPU."
        )
        return FAILED
    raise error


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", ")")) else f"{text}."


def _give_up_output(error: OSError) -> int:
    """Say what there is to say and keep Python from trying the same again at its exit."""
    if not isinstance(error, BrokenPipeError):
        console.error(f"Could not write the output: {error.strerror or error}.")
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILED
