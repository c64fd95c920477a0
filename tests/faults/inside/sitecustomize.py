"""On PYTHONPATH of a gateway that an experiment starts: Python runs this first, in every process of it. What is changed
here the gateway's own code need not know of.

RASAD_CLOCK=FILE     the wall clock is off by as many seconds as stand in FILE, which may change
RASAD_DATABASE_CLOCK=FILE  so is the database's, as far as leases and rates go by it
RASAD_LEASE_S=6      leases last as long, and everything about them is as much shorter
RASAD_POISON=1       messages for these letters do what no message should
RASAD_STANDS=FOLDER  while FOLDER/stop is there, the first to claim a message to send takes it away, writes its pid to
                     FOLDER/stood and stands still until it is told to go on
RASAD_SPARED=FOLDER  each process notes at its end, in a file by its pid, how many objects collections did not look at
"""

import atexit
import gc
import importlib.util
import os
import signal
from pathlib import Path
from typing import Any

KILLS, EATS, RAISES = "60001", "60002", "60003"


def _clock(file: Path) -> None:
    from gateway import clock

    as_it_is = clock.wall
    clock.wall = lambda: as_it_is() + float(file.read_text())


def _database_clock(file: Path) -> None:
    import sqlalchemy as sa

    from gateway.storage.database import Database

    as_it_is = Database.__init__

    def made(self: Database, *settings: Any, **more: Any) -> None:
        as_it_is(self, *settings, **more)
        self.seconds = self.seconds + sa.bindparam(None, callable_=lambda: float(file.read_text()), type_=sa.Double())

    Database.__init__ = made  # type: ignore[method-assign]


def _lease(seconds: float) -> None:
    from gateway.storage import leases

    share = seconds / leases.LEASE_S
    for name in ("LEASE_S", "RENEWED_S", "STOP_S", "LOOK_EVERY_S"):
        setattr(leases, name, share * getattr(leases, name))


def _poison() -> None:
    from gateway.turn import Turns

    as_it_is = Turns.converse

    async def converse(self: Turns, menu: Any, dialogue: Any, event: Any, *more: Any) -> Any:
        said = repr(event)
        if KILLS in said:
            os.kill(os.getpid(), signal.SIGSEGV)
        if EATS in said:
            eaten = bytearray(b"x") * (1 << 30)
            raise MemoryError(len(eaten))
        if RAISES in said:
            raise RuntimeError("poison")
        return await as_it_is(self, menu, dialogue, event, *more)

    Turns.converse = converse  # type: ignore[method-assign]


def _stands(folder: Path) -> None:
    from gateway import crash_points

    as_it_is = crash_points.reached

    def reached(point: str) -> None:
        as_it_is(point)
        if point == "after_send_claim" and (folder / "stop").exists():
            (folder / "stop").unlink()
            (folder / "part").write_text(str(os.getpid()))
            (folder / "part").rename(folder / "stood")
            os.kill(os.getpid(), signal.SIGSTOP)

    crash_points.reached = reached


def _spared(folder: Path) -> None:
    atexit.register(lambda: (folder / str(os.getpid())).write_text(str(gc.get_freeze_count())))


if importlib.util.find_spec("gateway") is not None:
    if "RASAD_LEASE_S" in os.environ:
        _lease(float(os.environ["RASAD_LEASE_S"]))
    if "RASAD_CLOCK" in os.environ:
        _clock(Path(os.environ["RASAD_CLOCK"]))
    if "RASAD_DATABASE_CLOCK" in os.environ:
        _database_clock(Path(os.environ["RASAD_DATABASE_CLOCK"]))
    if "RASAD_POISON" in os.environ:
        _poison()
    if "RASAD_STANDS" in os.environ:
        _stands(Path(os.environ["RASAD_STANDS"]))
    if "RASAD_SPARED" in os.environ:
        _spared(Path(os.environ["RASAD_SPARED"]))
