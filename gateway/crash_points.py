"""Places where an experiment has this process killed, so that each is tried and not only met by chance.

Nothing happens unless the environment names one: RASAD_CRASH="after_commit 3 FILE" is kill -9 when it is reached the
third time, by whichever process first makes FILE; the ones after it live.
"""

import asyncio
import os
import signal

_point, _hit, _once = os.environ.get("RASAD_CRASH", " 0 ").split(" ", 2)
_left = int(_hit)


def reached(point: str) -> None:
    global _left
    if point != _point:
        return
    _left -= 1
    if _left == 0:
        try:
            os.close(os.open(_once, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


def soon(point: str) -> None:
    """Reached when what goes on now has come to its next wait: an answer is on the wire by then."""
    if point == _point:
        asyncio.get_running_loop().call_soon(reached, point)
