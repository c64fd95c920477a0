"""`rasad`: one command line for the service and, by entry point (group rasad.commands), for the simulator.

Only the command that was asked for is imported: dialling must not wait for a database library.
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points

import typer

OWN: Mapping[str, str] = {
    "serve": "gateway.commands:serve",
    "menu": "gateway.commands:menu",
    "config": "gateway.commands:config",
    "backend": "gateway.commands:backend",
    "db": "gateway.commands:db",
    "keys": "gateway.commands:keys",
}


def main() -> None:
    """Exit code 1 and a sentence for mistakes of whoever called us, never a traceback."""
    found = {**OWN, **{each.name: each.value for each in entry_points(group="rasad.commands")}}
    asked = next((word for word in sys.argv[1:2] if word in found), None)
    rasad = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="USSD and SMS gateway with which a citizen follows her letter.",
    )

    @rasad.callback()
    def _a_command_is_needed() -> None:
        """Typer turns a single command into the whole program without this."""

    for name in [asked] if asked else sorted(found):
        module, _, attribute = found[name].partition(":")
        command = getattr(import_module(module), attribute)
        if isinstance(command, typer.Typer):
            rasad.add_typer(command, name=name)
        else:
            rasad.command(name)(command)
    try:
        rasad()
    except Exception as error:
        from gateway.app import TO_BE_MENDED  # only now: a command that needs no gateway must not wait for one

        if not isinstance(error, TO_BE_MENDED):
            raise
        print(error, file=sys.stderr)
        sys.exit(1)
