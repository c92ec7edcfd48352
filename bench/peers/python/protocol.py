"""Answers the line protocol of ../../child.ts."""
import json
import statistics
import sys
import time


class Prepared:
    """Something ready to be timed: step() returns when its work is done."""

    def __init__(self, step, check, note=None):
        self.step, self.check, self.note = step, check, note


def median_time(step, milliseconds):
    times = []
    begin = time.perf_counter_ns()
    while not times or time.perf_counter_ns() - begin < milliseconds * 1e6:
        start = time.perf_counter_ns()
        step()
        times.append(time.perf_counter_ns() - start)
    return statistics.median(times)


def compile_time(prepare):
    """The first step less a later one, in milliseconds."""
    start = time.perf_counter()
    step = prepare().step
    first = time.perf_counter() - start
    return (first * 1e9 - min(median_time(step, 0) for _ in range(3))) / 1e6


def answer(cases, words, state):
    request, *rest = words
    if request == "prepare":
        name, *extents = rest
        if name not in cases:
            return dict(ready=False, reason="has nothing of the kind")
        numbers = {key: int(float(value)) for key, value in (word.split("=") for word in extents)}
        state["prepared"] = prepared = cases[name](**numbers)
        reply = dict(ready=True, check=float(prepared.check))
        return reply if prepared.note is None else dict(reply, note=prepared.note)
    if request == "sample":
        return dict(median=median_time(state["prepared"].step, float(rest[0])))
    state.clear()
    return {}


def serve(cases, imported, first_small):
    """`imported` is how many seconds importing took, `first_small()` compiles and runs something small."""
    if sys.argv[1:2] == ["fresh"]:
        if sys.argv[2] == "compile":
            print(json.dumps(dict(compile=compile_time(cases["transformer"]))))
        else:
            start = time.perf_counter()
            first_small()
            first = time.perf_counter() - start
            print(json.dumps({"import": imported * 1e3, "first": first * 1e3}))
        return
    state = {}
    for line in sys.stdin:
        print(json.dumps(answer(cases, line.split(), state)), flush=True)
