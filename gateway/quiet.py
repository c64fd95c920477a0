"""When a phone may ring for something nobody asked for just now."""

from datetime import datetime, time, timedelta

from gateway.clock import TEHRAN


def next_moment(now: datetime, opens: time, closes: time) -> datetime:
    """now (aware), or the next opening when it is outside the hours, which are those of Tehran."""
    here = now.astimezone(TEHRAN)
    if opens <= here.timetz().replace(tzinfo=None) < closes:
        return now
    day = here.date() if here.time() < opens else here.date() + timedelta(days=1)
    return datetime.combine(day, opens, TEHRAN).astimezone(now.tzinfo)
