"""Golden values of the schedules: optax's, in float64, at counts 0 .. N and past the end.

Made with Python 3.11, numpy 2.4.6, jax 0.10.2, optax 0.2.8.
"""

import jax
import optax

import golden

jax.config.update("jax_enable_x64", True)

COUNTS = [*range(26), 100, 1_000_000]

# a name, the function in optax, its options
CASES = [
    ("constant", optax.constant_schedule, {"value": 0.1}),
    ("cosineDecay", optax.cosine_decay_schedule, {"init_value": 0.1, "decay_steps": 20}),
    (
        "cosineDecay",
        optax.cosine_decay_schedule,
        {"init_value": 0.1, "decay_steps": 20, "alpha": 0.1},
    ),
    (
        "cosineDecay",
        optax.cosine_decay_schedule,
        {"init_value": 3.0, "decay_steps": 7, "alpha": 0.25, "exponent": 2.0},
    ),
    (
        "cosineDecay",
        optax.cosine_decay_schedule,
        {"init_value": 1.0, "decay_steps": 20, "exponent": 0.5},
    ),
    ("cosineDecay", optax.cosine_decay_schedule, {"init_value": 1.0, "decay_steps": 1}),
    (
        "warmupCosineDecay",
        optax.warmup_cosine_decay_schedule,
        {"init_value": 0.0, "peak_value": 0.1, "warmup_steps": 5, "decay_steps": 20},
    ),
    (
        "warmupCosineDecay",
        optax.warmup_cosine_decay_schedule,
        {
            "init_value": 0.02,
            "peak_value": 0.1,
            "warmup_steps": 4,
            "decay_steps": 21,
            "end_value": 0.01,
            "exponent": 1.5,
        },
    ),
    (
        "warmupCosineDecay",
        optax.warmup_cosine_decay_schedule,
        {
            "init_value": 0.5,
            "peak_value": 0.1,
            "warmup_steps": 0,
            "decay_steps": 10,
            "end_value": 0.01,
        },
    ),
    (
        "linear",
        optax.linear_schedule,
        {"init_value": 0.0, "end_value": 0.1, "transition_steps": 5},
    ),
    (
        "linear",
        optax.linear_schedule,
        {"init_value": 1.0, "end_value": 0.1, "transition_steps": 10, "transition_begin": 3},
    ),
    (
        "linear",
        optax.linear_schedule,
        {"init_value": 0.3, "end_value": 0.1, "transition_steps": 0},
    ),
]


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def case(name, schedule, options):
    values = [float(schedule(**options)(count)) for count in COUNTS]
    names = {camel(key): value for key, value in options.items()}
    return {"schedule": name, "options": names, "values": values}


golden.write(
    __file__,
    "schedules.json",
    {"counts": COUNTS, "schedules": [case(*row) for row in CASES]},
    packages=["numpy", "jax", "optax"],
)
