"""Logs: one JSON line an event, event names fixed words, values fields. Never a number, never a text."""

import logging
import math
import sys
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from gateway.clock import SystemClock

FORBIDDEN = frozenset({"msisdn", "text", "body", "number", "phone", "sender", "recipient"})
"""Fields that would name a person or a content. Dropped with a mark, so that a mistake shows and nothing leaks."""

TRACE_EVERY_S = 60.0
"""How often a traceback is told of one trouble at one place. A database that is away would fill 60 kB of log a second
in each process."""

MOST_TRACES = 1000


def _without_content(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for field in FORBIDDEN & event.keys():
        event[field] = "(left out)"
    return event


class _TracesNowAndThen:
    """Of the same event, error and way through the code the first one has its traceback; until TRACE_EVERY_S later the
    others are told by the error's name alone."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._told: dict[tuple[Any, ...], float] = {}

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        error = _raised(event.get("exc_info"))
        if error is None:
            return event
        way, at = [], error.__traceback__
        while at is not None:
            way.append((at.tb_frame.f_code, at.tb_lineno))
            at = at.tb_next
        trouble = (event["event"], type(error), *way)
        now = self._monotonic()
        if now - self._told.get(trouble, -math.inf) < TRACE_EVERY_S:
            del event["exc_info"]
            event["exception"] = [{"exc_type": type(error).__name__}]
            return event
        if len(self._told) >= MOST_TRACES:
            self._told.clear()
        self._told[trouble] = now
        return event


def _raised(exc_info: Any) -> BaseException | None:
    """What a line of the log is about, however that was said."""
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1]
    if isinstance(exc_info, BaseException):
        return exc_info
    return sys.exception() if exc_info else None


class _WithoutContent(logging.Handler):
    """What libraries log by themselves, reduced to that it happened: their words quote requests and rows."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        structlog.get_logger().warning("library", logger=record.name, severity=record.levelname.lower(), error=error)


class _Unfailing:
    """A stream whose full disk is not a citizen's trouble: what cannot be written is not."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def configure(
    stream: TextIO | None = None,
    *,
    worker: int | None = None,
    monotonic: Callable[[], float] | None = None,
) -> None:
    """For the process; called once by the composition root. worker: which one of several it is."""

    def with_worker(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return event if worker is None else {**event, "worker": worker}

    logging.getLogger().handlers = [_WithoutContent(logging.WARNING)]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _without_content,
            with_worker,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _TracesNowAndThen(monotonic or SystemClock().monotonic),
            # Without locals: they are where the numbers and texts are.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Unfailing(stream or sys.stderr))),
        cache_logger_on_first_use=False,
    )
