"""When a disk is worth a word: levels, hysteresis, reminders, clocks that jump."""

import pytest

from aica.disk import alarm
from aica.disk.alarm import CRITICAL, LOST, OK, WARNING, Limits, Look, State, step
from aica.disk.df import Figures, Space
from aica.disk.forecast import Forecast

HOUR, DAY = 3600, 86400
NOW = 1900000000


def disk(percent=0, inodes=0, full_h=None, lost=""):
    if lost:
        return Look("/data", lost)
    full = None if full_h is None else Forecast(full_h, 1 << 30, 24)
    return Look("/data", "", Figures(Space(100, percent, 100 - percent),
                                     Space(100, inodes, 100 - inodes)), full)


def run(looks, every_s=HOUR, limits=Limits()):
    """Return (level, event) after each look, an hour apart unless told otherwise."""
    state, found = State(), []
    for number, look in enumerate(looks):
        state, event = step(state, look, limits, NOW + number * every_s)
        found.append((state.level, event))
    return found


def percents(*numbers):
    return [disk(number) for number in numbers]


def test_nothing_is_said_of_a_disk_that_is_well():
    assert run(percents(0, 50, 79, 79)) == [(OK, "")] * 4


def test_it_goes_up_at_once_and_is_said_once():
    assert run(percents(79, 80, 85, 90, 95)) == [
        (OK, ""), (WARNING, "raised"), (WARNING, ""), (CRITICAL, "raised"), (CRITICAL, "")]


def test_it_comes_down_five_percent_later():
    assert run(percents(90, 86, 85, 76, 75)) == [
        (CRITICAL, "raised"), (CRITICAL, ""), (WARNING, "eased"), (WARNING, ""), (OK, "over")]


def test_a_disk_at_the_threshold_does_not_flutter():
    assert [event for _, event in run(percents(*[79, 80] * 12))] == ["", "raised"] + [""] * 22


def test_no_hysteresis_is_possible():
    assert run(percents(80, 79), limits=Limits(80, 90, 0))[-1] == (OK, "over")


def test_it_repeats_itself_once_a_day():
    events = [event for _, event in run(percents(*[85] * 72))]
    assert [hour for hour, event in enumerate(events) if event] == [0, 24, 48]
    assert events[24] == "reminder"


def test_what_gets_worse_does_not_wait_for_tomorrow():
    events = [event for _, event in run([disk(85)] * 3 + [disk(85, inodes=91)] * 30)]
    assert [hour for hour, event in enumerate(events) if event] == [0, 3, 27]


def test_inodes_alarm_like_blocks():
    assert run([disk(10, 80), disk(10, 90), disk(10, 70)]) == [
        (WARNING, "raised"), (CRITICAL, "raised"), (OK, "over")]


def test_a_file_system_without_inodes_has_none_to_run_out_of():
    look = Look("/data", "", Figures(Space(100, 10, 90), None))
    assert step(State(), look, Limits(), NOW) == (State(), "")


def test_a_missing_disk_stands_above_all_and_is_repeated():
    events = run([disk(85)] + [disk(lost="is not mounted")] * 14 + [disk(10)])
    assert events[1] == (LOST, "raised") and events[-1] == (OK, "over")
    assert [hour for hour, (_, event) in enumerate(events) if event == "reminder"] == [7, 13]


def test_a_disk_that_came_back_full_is_said_again():
    assert run([disk(85), disk(lost="gone"), disk(85)])[-1] == (WARNING, "raised")


def test_forecasts_alarm_at_three_days_and_at_one():
    assert run([disk(10, full_h=73), disk(10, full_h=71), disk(10, full_h=23)]) == [
        (OK, ""), (WARNING, "raised"), (CRITICAL, "raised")]


def test_a_forecast_at_the_threshold_does_not_flutter():
    events = [event for _, event in run([disk(10, full_h=hours) for hours in (71, 73, 95, 71) * 5])]
    assert events == ["raised"] + [""] * 19


def test_people_sleep_and_the_forecast_stands_until_the_next_day():
    night = [disk(10, full_h=60)] * 8 + [disk(10)] * 16
    assert [event for _, event in run(night * 2)] == ["raised"] + [""] * 23 + ["reminder"] + [
        ""] * 23


def test_a_forecast_that_stays_away_is_over_after_a_day():
    events = [event for _, event in run([disk(10, full_h=60)] + [disk(10)] * 30)]
    assert [hour for hour, event in enumerate(events) if event] == [0, 24]
    assert events[24] == "over"


@pytest.mark.parametrize("jump_s, event", [
    (-10 * 365 * DAY, "reminder"), (-2 * HOUR, "reminder"), (-60, ""), (10 * 365 * DAY, "reminder")])
def test_a_clock_that_jumps_neither_silences_nor_floods(jump_s, event):
    state, _ = step(State(), disk(85), Limits(), NOW)
    state, said = step(state, disk(85), Limits(), NOW + jump_s)
    assert said == event
    for hour in range(1, 24):
        state, said = step(state, disk(85), Limits(), NOW + jump_s + hour * HOUR)
        assert said == "" or event == ""
    assert state.level == WARNING


def test_a_clock_that_jumps_back_does_not_hold_a_forecast_for_ever():
    state, _ = step(State(), disk(10, full_h=10), Limits(), NOW)
    assert step(state, disk(10), Limits(), NOW - 365 * DAY) == (State(), "over")


def test_the_critical_level_is_never_below_the_warning():
    assert run(percents(96), limits=Limits(95, 95))[0] == (CRITICAL, "raised")


def test_since_is_when_it_began():
    state = State()
    for hour, percent in enumerate((50, 85, 95, 85)):
        state, _ = step(state, disk(percent), Limits(), NOW + hour * HOUR)
    assert state.since_s == NOW + HOUR


def test_every_level_has_a_name():
    assert len(alarm.LEVELS) == LOST + 1
