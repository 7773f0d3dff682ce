"""The clock and the timer queue."""

from __future__ import annotations

import pickle
import random

from forkernel.kernel.clock import BOOT_EPOCH, Clock, RealClock, make_clock
from forkernel.kernel.hrtimer import KTIME_MAX, Timer, TimerQueue


class Note(Timer):
    """Writes its name into a log."""

    __slots__ = ("log", "name")

    def __init__(self, log: list[str], name: str, expires: int) -> None:
        super().__init__(expires)
        self.log = log
        self.name = name

    def fire(self) -> None:
        self.log.append(self.name)


class Periodic(Timer):
    __slots__ = ("count", "queue")

    def __init__(self, queue: TimerQueue) -> None:
        super().__init__(0)
        self.queue = queue
        self.count = 0

    def fire(self) -> None:
        self.count += 1
        self.queue.start(self, self.expires)


def test_timers_fire_in_order_of_time_then_of_start() -> None:
    queue, log = TimerQueue(), []
    for name, expires in [("late", 30), ("b", 10), ("c", 10), ("a", 5)]:
        queue.start(Note(log, name, expires))
    assert queue.next_expiry == 5
    assert queue.run_expired(4) == 0
    assert queue.run_expired(10) == 3
    assert log == ["a", "b", "c"]
    assert queue.next_expiry == 30
    assert queue.run_expired(1000) == 1
    assert queue.next_expiry == KTIME_MAX
    assert len(queue) == 0


def test_cancel_and_restart() -> None:
    queue, log = TimerQueue(), []
    first, second = Note(log, "first", 10), Note(log, "second", 20)
    queue.start(first)
    queue.start(second)
    assert queue.cancel(first)
    assert not queue.cancel(first)
    assert queue.next_expiry == 20
    queue.start(second, 50)
    assert queue.next_expiry == 50
    queue.start(first, 15)
    assert queue.timers() == [first, second]
    queue.run_expired(30)
    assert log == ["first"]
    assert second.queued
    assert not first.queued


def test_a_timer_that_restarts_in_the_past_does_not_loop() -> None:
    queue = TimerQueue()
    timer = Periodic(queue)
    queue.start(timer)
    assert queue.run_expired(100) == 1
    assert timer.count == 1
    assert queue.next_expiry == 0


def test_heap_stays_small_under_restarts_and_agrees_with_a_model() -> None:
    queue, log, rng = TimerQueue(), [], random.Random(7)
    timers = [Note(log, str(number), 0) for number in range(20)]
    model: dict[Note, int] = {}
    for _ in range(5000):
        timer = rng.choice(timers)
        if rng.random() < 0.3:
            queue.cancel(timer)
            model.pop(timer, None)
        else:
            model[timer] = rng.randrange(10**6)
            queue.start(timer, model[timer])
        assert queue.next_expiry == min(model.values(), default=KTIME_MAX)
        assert len(queue) == len(model)
    assert len(queue._heap) < 150


def test_queue_and_clock_survive_pickling() -> None:
    queue, log = TimerQueue(), []
    queue.start(Note(log, "one", 10))
    clock = Clock()
    clock.advance(3)
    clock.set_realtime(5)
    queue, clock = pickle.loads(pickle.dumps((queue, clock)))
    assert queue.next_expiry == 10
    assert queue.timers()[0].name == "one"
    assert (clock.monotonic(), clock.realtime()) == (3, 5)


def test_virtual_clock_moves_only_when_told() -> None:
    clock = make_clock("virtual")
    assert clock.monotonic() == 0
    assert clock.realtime() == BOOT_EPOCH
    clock.now += 500
    clock.jump_to(400)
    assert clock.monotonic() == 500
    clock.jump_to(900)
    assert clock.now == 900
    assert clock.idle_seconds(10**9) == 0.0
    clock.set_realtime(7)
    assert (clock.realtime(), clock.monotonic()) == (7, 900)


def test_real_clock_follows_the_host_and_goes_on_after_a_snapshot() -> None:
    clock = make_clock("real")
    before = clock.monotonic()
    assert clock.idle_seconds(before + 10**12) > 900
    clock.jump_to(before + 10**15)
    assert clock.monotonic() < before + 10**15
    again = pickle.loads(pickle.dumps(clock))
    assert isinstance(again, RealClock)
    assert clock.now <= again.monotonic()
