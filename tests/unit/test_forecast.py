"""When is a disk full? A thousand hours of known histories, with known answers."""

import random

import pytest

from aica.disk.forecast import HOUR_S, forecast, in_words

GIB = 1 << 30
NOW = 1900000000
FREE = 1000 * GIB


def hours(count, used):
    """Return hourly samples that end now; used(hour) is in GiB."""
    return [(NOW - (count - 1 - hour) * HOUR_S, int(used(hour) * GIB)) for hour in range(count)]


def full_in(samples, free=FREE, now=NOW):
    found = forecast(samples, free, now)
    return None if found is None else found.hours


def test_a_straight_line_is_foretold_exactly():
    assert full_in(hours(1000, lambda hour: 10 * hour)) == pytest.approx(100)


@pytest.mark.parametrize("seed", range(5))
def test_noise_changes_little(seed):
    noise = random.Random(seed)
    samples = hours(1000, lambda hour: 10 * hour + noise.uniform(-15, 15))
    assert full_in(samples) == pytest.approx(100, rel=0.15)


def test_what_was_long_ago_does_not_count():
    """700 flat hours, then growth for two weeks."""
    assert full_in(hours(1000, lambda hour: max(0, hour - 664) * 5)) == pytest.approx(200)


@pytest.mark.parametrize("what, used", [
    ("nothing happens", lambda hour: 500),
    ("it gets less", lambda hour: 5000 - hour),
    ("one large download", lambda hour: 100 if hour < 990 else 900),
    ("two large downloads in a week", lambda hour: 100 + 200 * (hour > 850) + 300 * (hour > 985)),
    ("filled and cleaned every day", lambda hour: 100 + 20 * (hour % 24)),
    ("filled and cleaned every few hours", lambda hour: 100 + 50 * (hour % 5)),
    ("it grew fast, and stopped two days ago", lambda hour: min(hour, 951) * 10),
    ("only noise", lambda hour: 100 + (hour * 7919 % 23)),
])
def test_what_is_no_trend_is_no_forecast(what, used):
    assert full_in(hours(1000, used)) is None


def test_a_day_that_stopped_growing_six_hours_ago_is_no_forecast():
    assert full_in(hours(24, lambda hour: min(hour, 17) * 10)) is None


def test_a_slow_leak_beneath_daily_ups_and_downs_is_seen():
    """A week of 1 GiB an hour; every day 8 GiB come and go."""
    samples = hours(168, lambda hour: hour + 4 * (hour % 24 // 12))
    assert full_in(samples) == pytest.approx(1000, rel=0.1)


def test_one_clean_up_does_not_hide_a_fast_growth():
    samples = hours(24, lambda hour: 10 * hour - (15 if hour == 11 else 0))
    assert full_in(samples) == pytest.approx(100, rel=0.05)


def test_a_steep_day_is_told_before_the_calm_week():
    found = forecast(hours(168, lambda hour: hour + (hour > 144) * 20 * (hour - 144)), FREE, NOW)
    assert (found.window_hours, found.hours) == (24, pytest.approx(1000 / 21.0, rel=0.05))


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_too_little_is_no_forecast(count):
    assert full_in(hours(count, lambda hour: 10 * hour)) is None


def test_many_samples_within_an_hour_are_too_little():
    samples = [(NOW - second, -second * GIB) for second in range(0, 3600, 10)]
    assert full_in(samples) is None


def test_hours_without_samples_do_not_matter():
    samples = [one for number, one in enumerate(hours(48, lambda hour: 10 * hour))
               if number % 5 in (0, 1, 4)]
    assert full_in(samples) == pytest.approx(100)


def test_a_clock_that_was_years_ahead_leaves_no_trace():
    ahead = [(NOW + 10 ** 8 + n * HOUR_S, 5000 * GIB) for n in range(50)]
    assert full_in(ahead + hours(100, lambda hour: 10 * hour)) == pytest.approx(100)


def test_a_clock_that_was_years_behind_leaves_no_trace():
    behind = [(n * HOUR_S, 5000 * GIB) for n in range(50)]
    assert full_in(hours(50, lambda hour: 10 * hour) + behind) == pytest.approx(100)


def test_two_samples_of_the_same_second_are_no_error():
    samples = hours(24, lambda hour: 10 * hour)
    assert full_in(samples + samples) == pytest.approx(100)


def test_centuries_are_no_forecast():
    assert full_in(hours(200, lambda hour: hour * 1e-6)) is None


def test_a_full_disk_is_full_now():
    assert full_in(hours(24, lambda hour: 10 * hour), free=-5) == 0


@pytest.mark.parametrize("hours_left, words", [
    (0.3, "less than an hour"), (1, "1 hour"), (5.4, "5 hours"), (47, "47 hours"), (72, "3 days"),
    (24 * 20, "20 days"), (24 * 50, "7 weeks")])
def test_it_is_said_as_people_say_it(hours_left, words):
    assert in_words(hours_left) == words
