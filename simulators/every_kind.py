"""`rasad offices`: one simulated office of each kind of backend, to connect by docs/backends.md. Until Ctrl-C.

Prints the variables that the examples of that document take their addresses from. The letters are those of the demo.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from simulators.offices import data, database, ece_folder, secretariat, soap_secretariat, spreadsheet
from simulators.offices.faults import Front

USER, PASSWORD = "rasad", "p&<w"  # of a simulated office that listens on the loopback only


def command() -> None:
    """An office of each kind to try a backend against: REST, SOAP, database, register, ECE folder. Until Ctrl-C."""
    with tempfile.TemporaryDirectory(prefix="rasad-offices-") as folder, suppress(KeyboardInterrupt):
        asyncio.run(_run(Path(folder)))


async def _run(folder: Path) -> None:
    async with running(folder, datetime.now(ZoneInfo("Asia/Tehran")).date()) as variables:
        for name, value in variables.items():
            print(f"export {name}='{value}'")
        print("ready: copy these lines into another terminal, then rasad backend try NAME 12345", flush=True)
        await asyncio.Event().wait()


@asynccontextmanager
async def running(folder: Path, today: date) -> AsyncIterator[Mapping[str, str]]:
    """The offices at work, their files in this folder, which is empty; the environment that the examples ask for."""
    letters = list(data.letters(today))
    office, register, ece = folder / "office.db", folder / "register", folder / "ece"
    register.mkdir()
    await database.fill(f"sqlite+aiosqlite:///{office}", letters)
    spreadsheet.write_csv(register / "letters.csv", letters)
    ece_folder.write(ece, letters)
    over_soap = soap_secretariat.application(letters, username=USER, password=PASSWORD)
    async with Front("rest", secretariat.application(letters)) as rest, Front("soap", over_soap) as soap:
        yield {
            "REST_URL": rest.url,
            "SECRETARIAT_URL": soap.url,
            "SECRETARIAT_PASSWORD": PASSWORD,
            "OFFICE_DATABASE": f"sqlite+aiosqlite:///{office}",
            "REGISTER_FOLDER": str(register),
            "ECE_FOLDER": str(ece),
        }
