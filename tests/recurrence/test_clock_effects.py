"""What the next clock changes do to a rule, as data and as sentences."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, time, timedelta

import pytest

from clockwright.recurrence import (
    CalendarInterval,
    ClockPolicy,
    Cron,
    Except,
    Interval,
    Once,
    Reboot,
    RecurrenceError,
    RRule,
    Union,
    clock_effects,
)
from clockwright.recurrence.effects import MOST_WALLS
from tests.recurrence.oracle import EVERY_POLICY, walk_around
from tests.recurrence.probes import probes
from tests.recurrence.test_oracle import PAIRS

BERLIN = "Europe/Berlin"
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
SPRING, AUTUMN = datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)
INSTEAD = "On Sunday 29 March 2026 the clock in Europe/Berlin goes from 02:00 to 03:00; "
AGAIN = "On Sunday 25 October 2026 the clock in Europe/Berlin goes back from 03:00 to 02:00; "


def outcomes(rule, at=NEW_YEAR):
    (effect,) = clock_effects(rule, at, transitions=1)
    return [(f"{w.wall:%H:%M}", str(w.outcome), list(w.instants)) for w in effect.walls]


@pytest.mark.parametrize("chunk", range(2))
def test_the_wall_times_are_those_that_a_walk_finds_and_fire_as_the_rule_does(chunk):
    rng = random.Random(chunk)
    for zone, change in PAIRS[chunk:120:2]:
        reach = timedelta(hours=26 if zone.startswith("Pacific/") else 4)
        walk = walk_around(change, zone, reach)
        near = list(walk.passes)[len(walk.passes) // 2 - rng.randrange(0, 60)]
        for probe in probes(rng, near):
            rule = probe.build(zone, rng.choice(EVERY_POLICY))
            before = datetime.fromtimestamp(change - 1, UTC)
            (effect,) = clock_effects(rule, before, transitions=1)
            strange = walk.leapt or {w for w, passes in walk.passes.items() if len(passes) > 1}
            wanted = sorted(wall for wall in strange if probe.admits(wall))
            assert [wall.wall for wall in effect.walls] == wanted[:MOST_WALLS]
            assert effect.count == len(wanted)
            assert effect.is_affected == bool(wanted)
            for wall in effect.walls:
                if wall.wall in walk.passes:
                    passes = set(walk.passes[wall.wall])
                    assert {t for t in passes if fires(rule, t)} == set(wall.instants)
                else:
                    assert all(fires(rule, instant) for instant in wall.instants)
                    assert bool(wall.instants) == (wall.outcome != "skipped")


def fires(rule, instant):
    return rule.next_after(instant - timedelta(seconds=1)).astimezone(UTC) == instant


@pytest.mark.parametrize(
    ("line", "clock", "spring", "autumn"),
    [
        ("30 2 * * *", "vixie",
         "the run of 02:30 happens at 03:00 instead.", "the run of 02:30 happens the first time only."),
        ("30 2 * * *", "skip",
         "the run of 02:30 does not happen.", "the run of 02:30 happens the first time only."),
        ("0,30 2 * * *", "rfc5545",
         "the runs of 02:00 and 02:30 happen 1 hour later.",
         "the runs of 02:00 and 02:30 happen the first time only."),
        ("0,30 2 * * *", "vixie",
         "the runs of 02:00 and 02:30 happen at 03:00 instead, as one run.",
         "the runs of 02:00 and 02:30 happen the first time only."),
        ("30 2 * * *", ClockPolicy("skip", "last"),
         "the run of 02:30 does not happen.", "the run of 02:30 happens the second time only."),
        ("*/5 * * * *", "vixie",
         "the 12 runs from 02:00 to 02:55 do not happen.", "the 12 runs from 02:00 to 02:55 happen both times."),
        ("0 5 * * *", "vixie", "no run is affected.", "no run is affected."),
    ],
)  # fmt: skip
def test_a_sentence_says_what_the_clock_does_and_what_becomes_of_the_runs(
    line, clock, spring, autumn
):
    told = [e.describe() for e in clock_effects(Cron(line, BERLIN, clock=clock), NEW_YEAR)]
    assert told == [INSTEAD + spring, AGAIN + autumn]


def test_dates_are_named_where_the_clock_crosses_midnight():
    apia = clock_effects(Cron("0 9 * * *", "Pacific/Apia"), datetime(2011, 12, 1, tzinfo=UTC))
    assert apia[0].describe() == (
        "On Friday 30 December 2011 the clock in Pacific/Apia goes from 00:00 to 00:00 on Saturday 31 December 2011;"
        " the run of 09:00 happens at 00:00 on Saturday 31 December 2011 instead."
    )
    beirut = clock_effects(Cron("30 23 * * *", "Asia/Beirut"), AUTUMN - timedelta(days=2))
    assert beirut[0].describe() == (
        "On Sunday 25 October 2026 the clock in Asia/Beirut goes back from 00:00 to 23:00 on Saturday 24 October 2026;"
        " the run of 23:30 on Saturday 24 October 2026 happens the first time only."
    )


def test_each_wall_time_has_its_instants():
    half_past = Cron("30 2 * * *", BERLIN, clock="rfc5545")
    assert outcomes(half_past) == [("02:30", "shifted", [SPRING + timedelta(minutes=30)])]
    first, last = AUTUMN - timedelta(minutes=30), AUTUMN + timedelta(minutes=30)
    assert outcomes(half_past, SPRING) == [("02:30", "first", [first])]
    both = Cron("30 2 * * *", BERLIN, clock="wall")
    assert outcomes(both, SPRING) == [("02:30", "both", [first, last])]


def test_the_policy_that_applies_is_told():
    (fixed,) = clock_effects(Cron("30 2 * * *", BERLIN), NEW_YEAR, transitions=1)
    assert (fixed.rhythm, fixed.gap, fixed.fold) == ("fixed", "run_at_gap_end", "first")
    (rhythm,) = clock_effects(Cron("*/5 * * * *", BERLIN), NEW_YEAR, transitions=1)
    assert (rhythm.rhythm, rhythm.gap, rhythm.fold) == ("wildcard", "skip", "both")
    assert rhythm.policy == fixed.policy == ClockPolicy("run_at_gap_end", "first")


def test_a_day_of_seconds_is_counted_and_not_listed():
    every_second = Cron("* * * * * *", "Pacific/Apia", dialect="seconds")
    (effect,) = clock_effects(every_second, datetime(2011, 12, 1, tzinfo=UTC), transitions=1)
    assert (effect.count, len(effect.walls)) == (86_400, MOST_WALLS)
    assert "the 86,400 runs from 00:00 on do not happen" in effect.describe()
    late = datetime(2011, 12, 1, tzinfo=UTC)
    bounded = Cron("* * * * * *", "Pacific/Apia", dialect="seconds", start=late)
    assert clock_effects(bounded, late, transitions=1)[0].count == 86_400


def test_what_lies_outside_the_bounds_is_no_effect():
    day = timedelta(days=1)
    ended = Cron("30 2 * * *", BERLIN, end=SPRING + day)
    assert [e.is_affected for e in clock_effects(ended, NEW_YEAR)] == [True]
    started = Cron("30 2 * * *", BERLIN, start=SPRING + day)
    assert [e.is_affected for e in clock_effects(started, NEW_YEAR)] == [False, True]
    around = ((SPRING - day, SPRING + day),)
    for clock in ("vixie", "skip", "rfc5545"):
        holed = Cron("30 2 * * *", BERLIN, clock=clock, exclude=around)
        assert [e.is_affected for e in clock_effects(holed, NEW_YEAR)] == [False, True]


def test_of_two_passes_the_one_inside_the_bounds_is_told():
    rule = Cron("*/30 * * * *", BERLIN, start=AUTUMN)
    assert outcomes(rule, SPRING) == [
        ("02:00", "last", [AUTUMN]),
        ("02:30", "last", [AUTUMN + timedelta(minutes=30)]),
    ]
    halved = Cron("*/30 * * * *", BERLIN, end=AUTUMN)
    assert [outcome for _, outcome, _ in outcomes(halved, SPRING)] == ["both", "first"]


def test_rules_of_rfc_5545_leave_out_their_exceptions():
    start = datetime(2026, 1, 1, 2, 30)  # noqa: DTZ001 - wall time
    daily = RRule("FREQ=DAILY", start=start, tz=BERLIN)
    half_past = SPRING + timedelta(minutes=30)
    assert outcomes(daily) == [("02:30", "shifted", [half_past])]
    assert not outcomes(RRule("FREQ=DAILY", start=start, tz=BERLIN, exdate=(half_past,)))
    assert not outcomes(
        RRule("FREQ=DAILY", start=start, tz=BERLIN, exrule=("FREQ=WEEKLY;BYDAY=SU",))
    )
    later = "FREQ=DAILY;BYHOUR=3"
    assert not outcomes(RRule("FREQ=DAILY", start=start, tz=BERLIN, exrule=(later,)))
    skipping = RRule("FREQ=DAILY", start=start, tz=BERLIN, exrule=(later,), clock="skip")
    assert outcomes(skipping) == [("02:30", "skipped", [])]
    assert clock_effects(RRule("FREQ=DAILY;COUNT=3", start=start, tz=BERLIN), NEW_YEAR) == ()
    until = RRule("FREQ=DAILY;UNTIL=20260329T010000Z", start=start, tz=BERLIN)
    assert not outcomes(until)


def test_calendar_intervals_are_told_by_their_wall_time():
    rule = CalendarInterval(weeks=1, anchor=date(2026, 3, 22), at=time(2, 30), tz=BERLIN)
    assert outcomes(rule) == [("02:30", "shifted", [SPRING + timedelta(minutes=30)])]
    other = CalendarInterval(weeks=1, anchor=date(2026, 3, 23), at=time(2, 30), tz=BERLIN)
    assert not outcomes(other)


def test_elapsed_time_moves_on_the_clock_unless_the_period_divides_the_leap():
    spring, autumn = clock_effects(Interval(hours=24, tz=BERLIN), NEW_YEAR)
    assert (spring.rhythm, spring.policy, spring.walls) == ("elapsed", None, ())
    assert (spring.shift, autumn.shift) == (timedelta(hours=1), timedelta(hours=-1))
    assert spring.is_affected
    assert spring.describe() == (
        f"{INSTEAD}from then on the runs come 1 hour later on the clock, as they count elapsed time."
    )
    assert "1 hour earlier" in autumn.describe()
    quarters = clock_effects(Interval(minutes=15, tz=BERLIN), NEW_YEAR)
    assert not any(effect.is_affected for effect in quarters)
    late = Interval(hours=24, tz=BERLIN, anchor=SPRING + timedelta(hours=4))
    assert [effect.is_affected for effect in clock_effects(late, NEW_YEAR)] == [False, True]


def test_an_instant_is_not_moved_and_after_the_last_fire_time_there_is_nothing_to_tell():
    once = clock_effects(Once("2026-06-01T00:00:00Z", BERLIN), NEW_YEAR, transitions=9)
    assert [(e.transition.at, e.rhythm, e.is_affected) for e in once] == [
        (SPRING, "instant", False)
    ]
    assert clock_effects(Reboot(BERLIN), NEW_YEAR) == ()
    assert clock_effects(Cron("0 0 30 2 *", BERLIN), NEW_YEAR) == ()
    assert clock_effects(Cron("30 2 * * *", "Asia/Tokyo"), NEW_YEAR, transitions=100) == ()


def test_they_are_as_many_as_asked_for_strictly_after_and_not_beyond_the_end():
    rule = Cron("30 2 * * *", BERLIN)
    assert len(clock_effects(rule, NEW_YEAR, transitions=7)) == 7
    at = [e.transition.at for e in clock_effects(rule, SPRING, transitions=2)]
    assert at == [AUTUMN, datetime(2027, 3, 28, 1, tzinfo=UTC)]
    assert [e.transition.at for e in clock_effects(rule, NEW_YEAR, until=SPRING)] == [SPRING]
    second = timedelta(seconds=1)
    assert clock_effects(rule, NEW_YEAR, until=SPRING - second) == ()


@pytest.mark.parametrize("number", [0, -1, 101])
def test_a_number_out_of_range_is_refused(number):
    with pytest.raises(RecurrenceError, match="from 1 to 100"):
        clock_effects(Cron("30 2 * * *", BERLIN), NEW_YEAR, transitions=number)


def test_a_naive_instant_is_refused():
    with pytest.raises(RecurrenceError, match="after is naive"):
        clock_effects(Cron("30 2 * * *", BERLIN), datetime(2026, 1, 1))  # noqa: DTZ001 - refused


def test_it_can_be_sent_as_json():
    (effect,) = clock_effects(Cron("30 2 * * *", BERLIN), NEW_YEAR, transitions=1)
    assert json.loads(json.dumps(effect.to_json())) == {
        "timezone": BERLIN,
        "at": "2026-03-29T01:00:00+00:00",
        "kind": "gap",
        "offset_before": 3600,
        "offset_after": 7200,
        "length": 3600,
        "rhythm": "fixed",
        "gap": "run_at_gap_end",
        "fold": "first",
        "is_affected": True,
        "count": 1,
        "walls": [
            {
                "wall": "2026-03-29T02:30:00",
                "outcome": "at_gap_end",
                "instants": ["2026-03-29T01:00:00+00:00"],
            }
        ],
        "shift": 0,
        "description": f"{INSTEAD}the run of 02:30 happens at 03:00 instead.",
    }


def test_of_a_combination_each_affected_member_is_told_in_its_own_zone():
    half_past, five = Cron("30 2 * * *", BERLIN), Cron("0 5 * * *", BERLIN)
    havana = Cron("30 0 * * *", "America/Havana")
    told = clock_effects(Union((half_past, five, havana)), NEW_YEAR, transitions=2)
    assert [(effect.transition.zone, effect.count) for effect in told] == [
        ("America/Havana", 1),
        (BERLIN, 1),
    ]
    assert told[1].describe() == f"{INSTEAD}the run of 02:30 happens at 03:00 instead."
    (calm,) = clock_effects(Union((five, Once("2027-01-01T00:00:00Z", BERLIN))), NEW_YEAR,
                            transitions=1)  # fmt: skip
    assert not calm.is_affected
    on_weekdays = Except(half_past, weekdays=("sun",))
    assert not any(effect.is_affected for effect in clock_effects(on_weekdays, NEW_YEAR))


def test_the_listed_wall_times_of_a_large_combination_are_bounded():
    seconds = Cron("* * * * * *", BERLIN, dialect="seconds", clock="skip")
    minutes = [Cron(f"{n} 2 * * *", BERLIN) for n in range(60)]
    told = clock_effects(Union((*minutes, seconds)), NEW_YEAR, transitions=1)
    assert len(told) == 61
    assert sum(len(effect.walls) for effect in told) <= 2 * MOST_WALLS
    assert told[-1].count == 3_600


def test_what_would_take_too_long_to_tell_is_refused():
    seconds = Cron("* * * * * *", BERLIN, dialect="seconds")
    assert clock_effects(seconds, NEW_YEAR, transitions=20)[-1].count == 3_600
    with pytest.raises(RecurrenceError, match="ask for fewer changes"):
        clock_effects(seconds, NEW_YEAR, transitions=28)
