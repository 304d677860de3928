"""Answers are kept, within bounds, and computed once."""

from __future__ import annotations

from threading import Barrier, Event, Thread

import pytest

from app.cache import AnswerCache


def test_a_known_question_is_not_computed_again() -> None:
    cache, calls = AnswerCache(1000), []
    for _ in range(3):
        answer = cache.answer(["a"], lambda: calls.append(1) or {"x": 1})  # type: ignore[func-returns-value]
        assert answer.body == b'{"x":1}'
    assert len(calls) == 1


def test_the_least_used_answers_make_room() -> None:
    cache, calls = AnswerCache(100), []

    def ask(name: str) -> None:
        cache.answer(name, lambda: calls.append(name) or "x" * 40)  # type: ignore[func-returns-value]

    for name in "abacabc":  # two fit; b goes when c comes, and so on
        ask(name)
    assert calls == ["a", "b", "c", "b", "c"]


def test_an_answer_larger_than_the_whole_is_not_kept() -> None:
    cache = AnswerCache(10)
    assert cache.answer("a", lambda: "x" * 20).body == cache.answer("a", lambda: "x" * 20).body
    assert cache._bytes == 0


def test_threads_with_the_same_question_wait_for_one_computation() -> None:
    cache, calls, answers = AnswerCache(1000), [], []
    started, go, all_here = Event(), Event(), Barrier(4)

    def compute() -> str:
        calls.append(1)
        started.set()
        go.wait(5)
        return "done"

    def ask() -> None:
        all_here.wait(5)
        answers.append(cache.answer("a", compute).body)

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    started.wait(5)
    go.set()
    for thread in threads:
        thread.join(5)
    assert (len(calls), answers) == (1, [b'"done"'] * 4)


def test_a_failure_is_everybody_s_and_is_not_kept() -> None:
    cache = AnswerCache(1000)

    def fail() -> None:
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            cache.answer("a", fail)
    assert cache.answer("a", lambda: 1).body == b"1"
