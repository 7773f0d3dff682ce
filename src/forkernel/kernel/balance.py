"""Which task runs on which CPU (Linux: kernel/sched/fair.c, rt.c).

A task's place is chosen when it is made (`select_task_rq_fork`), when it executes a program (`select_task_rq_exec`)
and when it wakes (`select_task_rq_wake`): where it was if that CPU is idle, else an idle CPU, else the one with least
to do. Between these moments a CPU that runs out of tasks takes one that waits elsewhere (`newidle_balance`), and now
and then each looks whether another has too much (`rebalance`). Real-time tasks never wait on one CPU while another
runs something less urgent (`push_rt_tasks`, `pull_rt_tasks`).

All choices are made by kernel state alone; among equals the lowest CPU number wins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.kernel.sched import is_rt, weight_of

if TYPE_CHECKING:
    from forkernel.kernel.smp import Rq, Smp
    from forkernel.kernel.task import Task

BALANCE_NS = 8_000_000
"""Time between two looks at the load of the other CPUs."""
MAX_FAILED = 2
"""So many looks on end found a difference of less than a task; then one is moved all the same, so that three tasks
on two CPUs get the same in the long run."""


# --- choosing


def allowed(smp: Smp, task: Task) -> list[Rq]:
    """The CPUs that a task may run on, never none."""
    mask = task.se.cpus_mask
    return [rq for rq in smp.rqs if mask >> rq.cpu & 1]


def select_task_rq_wake(smp: Smp, task: Task) -> Rq:
    """Where a task goes that was woken."""
    mask = task.se.cpus_mask
    before = smp.rqs[task.se.cpu]
    if mask >> before.cpu & 1 and before.is_idle:
        return before
    if is_rt(task):
        return find_lowest_rq(smp, task)
    for rq in smp.rqs:
        if rq.is_idle and mask >> rq.cpu & 1:
            return rq
    return least_loaded(smp, task)


def select_task_rq_fork(smp: Smp, task: Task) -> Rq:
    """Where a new task starts; its parent's CPU if no other has less to do."""
    if is_rt(task):
        return find_lowest_rq(smp, task)
    task.se.cpu = smp.system.sched.current.se.cpu
    return least_loaded(smp, task)


def select_task_rq_exec(smp: Smp, task: Task) -> Rq:
    """Where the current task goes on with a new program: to stay costs nothing, so it does not count itself."""
    here = smp.rqs[task.se.cpu]
    if is_rt(task):
        return here
    own = weight_of(task)
    loads = [(rq.load() - (own if rq is here else 0), rq is not here, rq.cpu, rq) for rq in allowed(smp, task)]
    return min(loads, key=_first_three)[3]


def select_fallback_rq(smp: Smp, task: Task) -> Rq:
    """Where a task goes that must leave its CPU."""
    return find_lowest_rq(smp, task) if is_rt(task) else least_loaded(smp, task)


def least_loaded(smp: Smp, task: Task) -> Rq:
    """The allowed CPU with the least load: rather the task's own, then the lowest number."""
    here = task.se.cpu
    return min(((rq.load(), rq.cpu != here, rq.cpu, rq) for rq in allowed(smp, task)), key=_first_three)[3]


def _first_three(choice: tuple[int, bool, int, Rq]) -> tuple[int, bool, int]:
    return choice[:3]


# --- moving


def migrate(task: Task, source: Rq, target: Rq) -> None:
    """Put a task that is queued at `source`, or just leaves the CPU there, on another CPU's queue."""
    source.detach(task, target)
    target.enqueue(task)
    target.check_preempt(task)


def newidle_balance(this: Rq) -> bool:
    """A CPU without a task takes one that waits for the CPU with the highest load; whether it found one."""
    found = None
    most = 0
    for rq in this.smp.rqs:
        if rq.nr_waiting and rq is not this:
            task = movable(rq, this)
            load = rq.load() if task is not None else 0
            if load > most:
                most, found = load, (task, rq)
    if found is None or found[0] is None:
        return False
    migrate(found[0], found[1], this)
    return True


def movable(source: Rq, target: Rq, most: int | None = None) -> Task | None:
    """The task that waits longest at `source`, may run on the other CPU and has at most so much weight."""
    for task in source.queued():
        if task.se.cpus_mask >> target.cpu & 1 and (most is None or weight_of(task) <= most):
            return task
    return None


def rebalance(this: Rq) -> None:
    """From the tick: give what waits here to idle CPUs, and now and then take from one with too much."""
    if this.nr_running:
        for rq in this.smp.rqs:
            if rq.is_idle and (task := movable(this, rq)) is not None:
                migrate(task, this, rq)
    now = this.smp.local_time()
    if now >= this.next_balance:
        this.next_balance = now + BALANCE_NS
        load_balance(this)


def load_balance(this: Rq) -> None:
    """Take tasks from the busiest CPU as long as both are then nearer to each other."""
    busiest = max((rq for rq in this.smp.rqs if rq is not this), key=_load)
    while True:
        difference = busiest.load() - this.load()
        if not busiest.nr_waiting or difference <= 0:
            this.nr_balance_failed = 0
            return
        task = movable(busiest, this, difference - 1)
        if task is None:
            break
        migrate(task, busiest, this)
        this.nr_balance_failed = 0
    this.nr_balance_failed += 1
    if this.nr_balance_failed > MAX_FAILED and (task := movable(busiest, this, difference)) is not None:
        migrate(task, busiest, this)
        this.nr_balance_failed = 0


def _load(rq: Rq) -> tuple[int, int]:
    return rq.load(), -rq.cpu


# --- real time


def priority_of(rq: Rq) -> int:
    """What runs on a CPU: its real-time priority, 0 for a fair task, -1 for none."""
    if rq.is_idle:
        return -1
    queued = rq.queued_rt()
    running = rq.current.se.rt_priority if rq.current is not rq.idle and is_rt(rq.current) else 0
    return max(running, queued[0].se.rt_priority if queued else 0)


def find_lowest_rq(smp: Smp, task: Task) -> Rq:
    """The allowed CPU that runs the least urgent task: rather the task's own, then the lowest number."""
    here = task.se.cpu
    return min(((priority_of(rq), rq.cpu != here, rq.cpu, rq) for rq in allowed(smp, task)), key=_first_three)[3]


def push_rt_tasks(this: Rq, picked: Task | None) -> None:
    """Real-time tasks that have to wait here go where something less urgent runs."""
    for task in this.queued_rt():
        target = find_lowest_rq(this.smp, task)
        if target is not this and priority_of(target) < task.se.rt_priority:
            migrate(task, this, target)


def pull_rt_tasks(this: Rq) -> None:
    """Before this CPU picks: take the most urgent real-time task that waits elsewhere, if none here is as urgent."""
    own = this.queued_rt()
    best, found = own[0].se.rt_priority if own else 0, None
    for rq in this.smp.rqs:
        if rq is this:
            continue
        for task in rq.queued_rt():
            if task.se.rt_priority > best and task.se.cpus_mask >> this.cpu & 1 and rq.current is not rq.idle:
                best, found = task.se.rt_priority, (task, rq)
    if found is not None:
        migrate(found[0], found[1], this)
