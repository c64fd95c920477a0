"""What a piece of work takes of the processor, for the limits that promise a caller's patience or a process' life."""

import time
from collections.abc import Callable


def cpu_s(work: Callable[[], object]) -> float:
    """The best of three: a test process has garbage of thousands of tests to collect, and collects it when it likes."""
    times = []
    for _ in range(3):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)
