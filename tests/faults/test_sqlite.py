"""SQLite on a disk that is full, and killed in the middle of its writes: messages are refused or kept, never torn."""

import asyncio
import itertools
import resource
import sqlite3
import subprocess
from contextlib import closing, contextmanager

import pytest

from tests.experiments import counted
from tests.faults.service import around
from tests.faults.test_crashes import at, every_one_once, noted, sms_settings
from tests.faults.test_database import refused

DISK_OCTETS = 64_000_000


def url_in(folder):
    return f"sqlite+aiosqlite:///{folder / 'rasad.db'}"


def sound(folder):
    """What SQLite itself says of the file."""
    with closing(sqlite3.connect(folder / "rasad.db")) as connection:
        return ["ok"] == [said for (said,) in connection.execute("PRAGMA integrity_check")]


class SmallDisk:
    """A disk of its own, and something that takes the rest of it."""

    def __init__(self, folder):
        self.folder, self._ballast = folder, folder / "ballast"

    def fill(self, _service):
        with self._ballast.open("wb", buffering=0) as ballast:
            try:
                while ballast.write(b"\0" * 65_536):
                    pass
            except OSError:
                pass

    def empty(self, _service):
        self._ballast.unlink()


class FileLimit:
    """No file of the gateway may grow: what a quota does, and what needs no rights."""

    def __init__(self, folder):
        self.folder = folder

    def fill(self, service):
        self._set(service, 1)

    def empty(self, service):
        self._set(service, resource.RLIM_INFINITY)

    def _set(self, service, octets):
        for pid in service.workers():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (octets, resource.RLIM_INFINITY))


@contextmanager
def small_disk(folder):
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={DISK_OCTETS}", "rasad-proof", str(folder)]
    if subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("a small disk of our own needs the right to mount one")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(params=["disk", "quota"])
def disk(request, tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param == "quota":
        yield FileLimit(folder)
        return
    with small_disk(folder) as found:
        yield found


@pytest.mark.timeout(300)
@pytest.mark.experiment(
    "F7", "when SQLite's disk is full messages are refused with 503, and go on by themselves when it is not"
)
async def test_the_disk_is_full(disk, tmp_path, keys, figure):
    total, times = counted(500, 100), counted(10, 2)
    async with around(tmp_path, keys, url_in(disk.folder), sms=sms_settings()) as service:
        await service.start()
        citizens = service.citizens()
        numbers, more = itertools.count(total), []
        writing = asyncio.create_task(citizens.write(range(total), until_s=900))
        for each in range(times):
            await at(citizens, (each + 1) * total // (times + 1))
            disk.fill(service)
            more += await refused(citizens, numbers)
            disk.empty(service)
        await asyncio.gather(writing, *more)
        total += len(more)
        await service.settled()
        found = await service.account()
        assert 1 == service.starts
        assert 0 == await service.stop()
    noted(figure, found, citizens)
    figure("times full", times)
    figure("refused with 503", citizens.statuses[503])
    # What was on its way when the disk was full could not be noted as sent: as if a process had died there, each time.
    every_one_once(service, found, total, times)
    assert {200, 503} == set(citizens.statuses)
    assert 0 == citizens.without_retry_after
    assert sound(disk.folder)


@pytest.mark.timeout(300)
@pytest.mark.experiment("F7", "killed in the middle of its writes, SQLite's file is sound each time")
async def test_killed_in_the_middle_of_a_write(tmp_path, keys, figure):
    total, kills = counted(1_000, 60), counted(20, 2)
    async with around(tmp_path, keys, url_in(tmp_path), sms=sms_settings()) as service:
        await service.start()
        citizens = service.citizens()
        writing = asyncio.create_task(citizens.write(range(total), until_s=900))
        for each in range(kills):
            await at(citizens, (each + 1) * total // (kills + 1))
            await service.kill()
            assert sound(tmp_path)
            await service.start()
        await writing
        await service.settled()
        found = await service.account()
    noted(figure, found, citizens)
    figure("kills", kills)
    every_one_once(service, found, total, kills)
