"""converge(): order, going on after a failure, and looking again."""

import errno

import pytest

from aica.change import BLOCKED, CHANGED, FAILED, OK, PLANNED, SKIPPED
from aica.engine import converge
from aica.errors import AicaError, Conflict, NotApplicable, ReadOnlyViolation
from aica.resources.base import Resource


class Thing(Resource):
    """A resource whose state is a number; `host` is the dict it lives in."""

    kind = "thing"

    def __init__(self, name, wanted=1, needs=(), inspect_error=None, apply_error=None,
                 deaf=False, remark=""):
        super().__init__(name, ["thing:" + need for need in needs])
        self.wanted = wanted
        self.inspect_error, self.apply_error = inspect_error, apply_error
        self.deaf, self.words = deaf, remark

    def desired(self):
        return {"number": self.wanted}

    def inspect(self, host):
        host.setdefault("calls", []).append("inspect " + self.name)
        if self.inspect_error:
            raise self.inspect_error
        return {"number": host[self.name]} if self.name in host else None

    def apply(self, host, changes):
        host["calls"].append("apply " + self.name)
        if self.apply_error:
            raise self.apply_error
        if not self.deaf:
            host[self.name] = self.wanted

    def remark(self, actual):
        return self.words


def run(*things, **options):
    host = options.pop("host", {})
    outcomes = list(converge(things, host, **options))
    return [outcome.status for outcome in outcomes], outcomes, host


def test_works_in_order_and_looks_again_after_a_change():
    statuses, _, host = run(Thing("a"), Thing("b"), host={"b": 1})
    assert statuses == [CHANGED, OK]
    assert host["calls"] == ["inspect a", "apply a", "inspect a", "inspect b"]


def test_a_second_run_finds_nothing_to_do():
    host = {}
    run(Thing("a"), host=host)
    assert run(Thing("a"), host=host)[0] == [OK]


def test_outcomes_come_while_the_work_goes_on():
    host = {}
    outcomes = converge([Thing("a"), Thing("b")], host)
    assert next(outcomes).resource == "thing:a"
    assert "b" not in host


def test_a_dry_run_never_applies():
    statuses, outcomes, host = run(Thing("a"), Thing("b", apply_error=AssertionError()),
                                   dry_run=True)
    assert statuses == [PLANNED, PLANNED]
    assert "apply a" not in host["calls"] and "a" not in host
    assert outcomes[0].changes[0].after == 1


ERRORS = [
    (Conflict("in the way", hint="look"), BLOCKED), (AicaError("broken", hint="look"), FAILED),
    (PermissionError(1, "not permitted"), FAILED), (OSError(39, "not empty"), FAILED),
]


@pytest.mark.parametrize("error, status", ERRORS, ids=[type(row[0]).__name__ for row in ERRORS])
@pytest.mark.parametrize("where", ["inspect_error", "apply_error"])
def test_goes_on_after_an_error_and_says_it(where, error, status):
    statuses, outcomes, _ = run(Thing("a", **{where: error}), Thing("b"))
    assert statuses == [status, CHANGED]
    assert outcomes[0].message == str(error)
    assert outcomes[0].hint == getattr(error, "hint", "")


@pytest.mark.parametrize("number, word", [
    (errno.ENOSPC, "aica clean"), (errno.EDQUOT, "df -h"), (errno.EROFS, "read-only"),
    (errno.EIO, "dmesg"), (errno.ESTALE, "dmesg"), (errno.EPERM, "")])
def test_a_full_or_a_failing_disk_comes_with_advice(number, word):
    outcome = run(Thing("a", apply_error=OSError(number, "said by the kernel")))[1][0]
    assert outcome.status == FAILED and "said by the kernel" in outcome.message
    assert word in outcome.hint and bool(word) == bool(outcome.hint)


def test_what_this_host_does_not_have_is_skipped_and_holds_nobody_up():
    statuses, outcomes, _ = run(Thing("a", inspect_error=NotApplicable("no such tool")),
                                Thing("b", needs=["a"]))
    assert statuses == [SKIPPED, CHANGED]
    assert outcomes[0].message == "no such tool"


def test_a_tool_that_is_missing_in_the_middle_of_the_work_is_a_failure():
    """Whether a thing applies is said by inspect(); after that it may be half done."""
    statuses, outcomes, _ = run(Thing("a", apply_error=NotApplicable("no such tool", "get it")),
                                Thing("b", needs=["a"]))
    assert statuses == [FAILED, SKIPPED]
    assert (outcomes[0].message, outcomes[0].hint) == ("no such tool", "get it")


@pytest.mark.parametrize("error", [Conflict("x"), AicaError("x"), OSError(5, "x")])
def test_what_stands_on_something_broken_is_skipped_down_the_chain(error):
    statuses, outcomes, host = run(
        Thing("a", inspect_error=error), Thing("b", needs=["a"]), Thing("c", needs=["b"]),
        Thing("d"), Thing("e", needs=["d", "c"]))
    assert statuses[1:] == [SKIPPED, SKIPPED, CHANGED, SKIPPED]
    assert outcomes[4].message == "needs thing:c"
    assert "inspect b" not in host["calls"]


def test_a_need_that_is_planned_holds_nobody_up():
    assert run(Thing("a"), Thing("b", needs=["a"]), dry_run=True)[0] == [PLANNED, PLANNED]


def test_a_need_that_does_not_stand_earlier_is_a_bug():
    with pytest.raises(KeyError):
        run(Thing("a", needs=["b"]), Thing("b"))


def test_changed_means_looked_at_again_and_seen_right():
    statuses, outcomes, _ = run(Thing("a", deaf=True), Thing("b", needs=["a"]))
    assert statuses == [FAILED, SKIPPED]
    assert outcomes[0].message == "still wrong after apply: number"


def test_an_error_while_looking_again_is_no_success():
    class Vanishing(Thing):
        def apply(self, host, changes):
            super().apply(host, changes)
            self.inspect_error = OSError(5, "gone")

    assert run(Vanishing("a"))[0] == [FAILED]


@pytest.mark.parametrize("bug", [ZeroDivisionError(), ReadOnlyViolation("x"), KeyboardInterrupt()])
def test_a_bug_is_not_swallowed(bug):
    with pytest.raises(type(bug)):
        run(Thing("a", apply_error=bug))


def test_a_remark_is_shown_with_ok():
    assert run(Thing("a", remark="by the way"), host={"a": 1})[1][0].message == "by the way"


def test_a_plan_names_what_differs_and_nothing_else():
    thing = Thing("a", wanted=2)
    assert [tuple(change) for change in thing.plan({"number": 1, "more": 5})] == [("number", 1, 2)]
    assert [tuple(change) for change in thing.plan(None)] == [("number", None, 2)]
    assert thing.plan({"number": 2}) == ()
