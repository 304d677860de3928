"""Answers are kept, within bounds; what never changes is made once."""

from __future__ import annotations

from threading import Barrier, Event, Thread

import pytest

from app.compute.cache import Answer, AnswerCache, Once


def test_a_kept_answer_is_found_again() -> None:
    cache = AnswerCache(1000)
    assert cache.find("a") is None
    cache.keep("a", Answer.of(b"1"))
    cache.keep("a", Answer.of(b"2"))
    found = cache.find("a")
    assert found == Answer.of(b"1"), "the same question has the same answer"


def test_the_least_used_answers_make_room() -> None:
    cache, computed = AnswerCache(100), []
    for name in "abacabc":  # two fit; b goes when c comes, and so on
        if not cache.find(name):
            computed.append(name)
            cache.keep(name, Answer.of(b"x" * 40))
    assert computed == ["a", "b", "c", "b", "c"]


def test_an_answer_larger_than_the_whole_is_not_kept() -> None:
    cache = AnswerCache(10)
    cache.keep("a", Answer.of(b"x" * 20))
    assert cache.find("a") is None
    cache.keep("b", Answer.of(b"x" * 10))
    assert cache.find("b")


def test_threads_that_ask_at_the_same_time_wait_for_one_computation() -> None:
    once, calls, answers = Once(), [], []
    started, go, all_here = Event(), Event(), Barrier(4)

    def compute() -> str:
        calls.append(1)
        started.set()
        go.wait(5)
        return "done"

    def ask() -> None:
        all_here.wait(5)
        answers.append(once.answer(compute).body)

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    started.wait(5)
    go.set()
    for thread in threads:
        thread.join(5)
    assert (len(calls), answers) == (1, [b'"done"'] * 4)


def test_a_failure_is_not_kept() -> None:
    once = Once()

    def fail() -> None:
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            once.answer(fail)
    assert once.answer(lambda: 1).body == b"1"
