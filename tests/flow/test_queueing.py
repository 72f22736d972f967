"""The queue gives each step after all that it needs, in the order of the specs."""

from mlgitops.flow.queueing import WHOLE, Queue


def test_a_step_is_ready_when_all_that_it_needs_is_done() -> None:
    queue = Queue([[], [0], [0, 1], []])
    assert [queue.next(), queue.next()] == [(0, WHOLE), (3, WHOLE)]
    assert len(queue) == 0
    queue.done(0)
    assert queue.next() == (1, WHOLE)
    assert len(queue) == 0
    queue.done(1)
    assert queue.next() == (2, WHOLE)


def test_elements_come_in_the_place_of_their_step() -> None:
    queue = Queue([[], []])
    assert queue.next() == (0, WHOLE)
    for element in (1, 0):
        queue.put((0, element))
    assert [queue.next() for _ in range(3)] == [(0, 0), (0, 1), (1, WHOLE)]


def test_what_needs_a_step_that_never_ends_is_never_ready() -> None:
    queue = Queue([[], [0], [1], []])
    assert queue.next() == (0, WHOLE)
    queue.done(queue.next()[0])
    assert len(queue) == 0
