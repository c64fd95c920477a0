"""Logs: one JSON line an event, event names fixed words, values fields. Never a number, never a text."""

import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog
from structlog.tracebacks import ExceptionDictTransformer

FORBIDDEN = frozenset({"msisdn", "text", "body", "number", "phone", "sender", "recipient"})
"""Fields that would name a person or a content. Dropped with a mark, so that a mistake shows and nothing leaks."""


def _without_content(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for field in FORBIDDEN & event.keys():
        event[field] = "(left out)"
    return event


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


def configure(stream: TextIO | None = None, *, worker: int | None = None) -> None:
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
            # Without locals: they are where the numbers and texts are.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Unfailing(stream or sys.stderr))),
        cache_logger_on_first_use=False,
    )
