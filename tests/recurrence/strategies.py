"""Random rules of every kind, in random zones."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from clockwright.recurrence import (
    BusinessDays,
    Calendar,
    CalendarInterval,
    ClockPolicy,
    Cron,
    CronFields,
    Except,
    Interval,
    Once,
    Reboot,
    RRule,
    Union,
)

ZONES = [
    "UTC",
    "Africa/Casablanca",
    "America/New_York",
    "America/Santiago",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Europe/Dublin",
    "Pacific/Apia",
    "Pacific/Chatham",
]
zones = st.sampled_from(ZONES)
EARLY, LATE = datetime(1990, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
# With microseconds, which rules must cope with.
instants = st.timedeltas(timedelta(0), LATE - EARLY).map(lambda passed: EARLY + passed)
clocks = st.one_of(
    st.sampled_from(["vixie", "wall", "skip", "rfc5545"]),
    st.builds(
        ClockPolicy,
        st.sampled_from(["run_at_gap_end", "skip", "shift"]),
        st.sampled_from(["first", "last", "both"]),
        st.sampled_from(["fixed", "all"]),
    ),
)


def _field(low: int, high: int, extra: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    value = st.integers(low, high)
    item = st.one_of(
        value.map(str),
        st.tuples(value, value).map(lambda ends: f"{min(ends)}-{max(ends)}"),
        st.tuples(value, st.integers(1, 9)).map(lambda pair: f"{pair[0]}/{pair[1]}"),
        st.sampled_from(extra or ("*",)),
    )
    return st.one_of(
        st.just("*"),
        st.sampled_from(["*", "*/2", "*/5"]),
        st.lists(item, min_size=1, max_size=3).map(",".join),
    )


lines = st.tuples(
    _field(0, 59),
    _field(0, 23),
    _field(1, 31, ("L", "LW", "15W", "31W", "L-2", "?*"[1])),
    _field(1, 12, ("FEB", "jul")),
    _field(0, 6, ("SUN", "5#2", "fri#L", "1L", "MON-FRI", "fri-sun")),
).map(" ".join)
second_lines = st.tuples(_field(0, 59), lines).map(" ".join)


@st.composite
def bounded(draw: st.DrawFn) -> dict[str, datetime]:
    """Bounds and exclusions, mostly none."""
    options: dict[str, datetime] = {}
    if draw(st.integers(0, 3)) == 0:
        options["start"] = draw(instants)
    if draw(st.integers(0, 3)) == 0:
        start = options.get("start", EARLY)
        options["end"] = draw(st.timedeltas(timedelta(0), LATE - start).map(start.__add__))
    return options


@st.composite
def excluded(draw: st.DrawFn) -> dict[str, object]:
    options: dict[str, object] = dict(draw(bounded()))
    if draw(st.integers(0, 3)) == 0:
        starts = draw(st.lists(instants, min_size=1, max_size=3))
        options["exclude"] = [(s, s + timedelta(days=draw(st.integers(1, 400)))) for s in starts]
    return options


crons = st.one_of(
    st.builds(
        lambda line, zone, clock, rule, options: Cron(
            line, zone, clock=clock, day_rule=rule, **options
        ),
        lines,
        zones,
        clocks,
        st.sampled_from(["vixie", "bare_star", "and"]),
        excluded(),
    ),
    st.builds(lambda line, zone: Cron(line, zone, dialect="seconds"), second_lines, zones),
)
fields = st.builds(
    lambda zone, clock, given, options: CronFields(zone, clock=clock, **given, **options),
    zones,
    clocks,
    st.dictionaries(
        st.sampled_from(["month", "day_of_week", "hour", "minute", "second"]),
        st.integers(1, 6),
        min_size=1,
    ),
    excluded(),
)
intervals = st.builds(
    lambda seconds, hours, anchor, zone, options: Interval(
        seconds=seconds, hours=hours, anchor=anchor, tz=zone, **options
    ),
    st.integers(1, 100_000),
    st.integers(0, 500),
    instants,
    zones,
    bounded(),
)
calendar_intervals = st.builds(
    lambda size, unit, anchor, at, zone, end, clock, options: CalendarInterval(
        **{unit: size}, anchor=anchor, at=at, tz=zone, month_end=end, clock=clock, **options
    ),
    st.integers(1, 20),
    st.sampled_from(["days", "weeks", "months", "years"]),
    st.dates(date(1990, 1, 1), date(2030, 1, 1)),
    st.times().map(lambda t: time(t.hour, t.minute, t.second)),
    zones,
    st.sampled_from(["clamp", "skip"]),
    clocks,
    bounded(),
)
onces = st.builds(Once, instants, zones)
rrule_texts = st.builds(
    lambda freq, extra: ";".join([f"FREQ={freq}", *extra]),
    st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY"]),
    st.lists(
        st.sampled_from(
            [
                "INTERVAL=3",
                "BYMONTH=2,7",
                "BYDAY=MO,SA",
                "BYHOUR=2,14",
                "BYMINUTE=0,30",
                "COUNT=9",
                "WKST=SU",
                "BYSECOND=1,2,3;BYSETPOS=2,-1",
            ]
        ),
        unique=True,
        max_size=3,
    ),
)
rrules = st.builds(
    lambda text, start, zone, exdate, exrule: RRule(
        text, start=start.astimezone(ZoneInfo(zone)), exdate=exdate, rdate=exdate[:1], exrule=exrule
    ),
    rrule_texts,
    instants,
    zones,
    st.lists(instants, max_size=3),
    st.lists(
        st.sampled_from(
            [
                "FREQ=WEEKLY;BYDAY=SA",
                "FREQ=HOURLY;INTERVAL=2",
                "FREQ=MINUTELY;BYHOUR=2,3",
                "FREQ=HOURLY;INTERVAL=5;BYMINUTE=0,30;UNTIL=20200329T010000Z",
                "FREQ=DAILY;INTERVAL=3;COUNT=500",
            ]
        ),
        max_size=2,
    ),
)
calendars = st.builds(
    Calendar,
    st.just("1"),
    weekend=st.lists(st.sampled_from(["fri", "sat", "sun"]), max_size=3),
    holidays=st.lists(st.dates(date(1990, 1, 1), date(2040, 1, 1)), max_size=20),
    yearly=st.lists(st.dates(date(2000, 1, 1), date(2000, 12, 31)).map("{:%m-%d}".format)),
    easter=st.lists(st.integers(-7, 60), max_size=4),
    nth_weekdays=st.lists(
        st.sampled_from(["last mon may", "1st mon sep", "4th thu nov", "5th fri jan"])
    ),
)
combinable = st.one_of(crons, fields, intervals, calendar_intervals, onces, rrules)
unions = st.builds(Union, st.lists(combinable, min_size=1, max_size=3), zones)
excepts = st.builds(
    lambda rule, zone, days, options: Except(rule, zone, weekdays=days, **options),
    combinable,
    zones,
    st.sets(st.sampled_from(["mon", "thu", "sat", "sun"]), min_size=1),
    excluded(),
)
business_days = st.builds(
    lambda rule, calendar, otherwise, clock, options: BusinessDays(
        rule, calendar, otherwise=otherwise, clock=clock, **options
    ),
    st.one_of(combinable, unions, excepts),
    calendars,
    st.sampled_from(["skip", "next", "previous"]),
    clocks,
    excluded(),
)
combinations = st.one_of(unions, excepts, business_days)
rules = st.one_of(combinable, combinations, st.builds(Reboot, zones))
