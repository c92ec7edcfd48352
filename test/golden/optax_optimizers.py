"""Golden values of the optimizers: optax's parameters after each of 20 steps.

Made with Python 3.11, numpy 2.4.6, jax 0.10.2, optax 0.2.8.

Open loop: the gradients are given numbers (exact in float32), the same for every case, so that a
difference cannot grow through them. One closed loop: the gradient of f(x) = x^T A x / 2 - c^T x.

The float32 cases run with JAX's 64-bit mode off, as most people have it. optax then computes the
bias correction 1 - b^t in float32, which at t = 1 and b = 0.999 is wrong by 1.3e-5: compare
parameters there, not updates, or expect updates to differ by that much in the first steps.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax

import golden

STEPS = 20
RNG = np.random.default_rng(11)


def float32_numbers(values):
    return np.asarray(values, dtype=np.float32).astype(np.float64)


def draw_tree():
    """A tree {a: [3], b: {c: [2, 2]}} of normal numbers of one magnitude of 1e-3 .. 10."""
    magnitude = 10.0 ** RNG.integers(-3, 2)
    draw = lambda shape: float32_numbers(RNG.standard_normal(shape) * magnitude)
    return {"a": draw(3), "b": {"c": draw((2, 2))}}


PARAMS = {
    "a": float32_numbers([1, -2, 0.5]),
    "b": {"c": float32_numbers([[0.1, -0.7], [3, 0]])},
}
GRADIENTS = [draw_tree() for _ in range(STEPS)]
GRADIENTS[3]["a"][1] = 0.0  # a zero, for sign and for adam's 0 / eps
for step in GRADIENTS:
    step["b"]["c"][1, 1] = 0.0  # a coordinate that never sees a gradient
MASK = {"a": True, "b": {"c": False}}

WARMUP_COSINE = {
    "init_value": 0.0,
    "peak_value": 0.1,
    "warmup_steps": 5,
    "decay_steps": 18,
    "end_value": 0.01,
}
SCHEDULE = optax.warmup_cosine_decay_schedule(**WARMUP_COSINE)

# name, transformation, its options as they stand in the JSON
CASES = [
    ("sgd", optax.sgd(0.1), {"learningRate": 0.1}),
    ("sgd", optax.sgd(0.1, momentum=0.9), {"learningRate": 0.1, "momentum": 0.9}),
    (
        "sgd",
        optax.sgd(0.1, momentum=0.9, nesterov=True),
        {"learningRate": 0.1, "momentum": 0.9, "nesterov": True},
    ),
    ("adam", optax.adam(1e-2), {"learningRate": 1e-2}),
    (
        "adam",
        optax.adam(1e-2, b1=0.9, b2=0.95, eps=1e-8),
        {"learningRate": 1e-2, "b1": 0.9, "b2": 0.95, "eps": 1e-8},
    ),
    ("adam", optax.adam(1e-2, nesterov=True), {"learningRate": 1e-2, "nesterov": True}),
    ("adam", optax.adam(1e-2, eps_root=1e-6), {"learningRate": 1e-2, "epsRoot": 1e-6}),
    (
        "adamw",
        optax.adamw(1e-2, weight_decay=1e-2),
        {"learningRate": 1e-2, "weightDecay": 1e-2},
    ),
    (
        "adamw",
        optax.adamw(1e-2, weight_decay=1e-2, mask=MASK),
        {"learningRate": 1e-2, "weightDecay": 1e-2, "mask": MASK},
    ),
    (
        "adamw",
        optax.adamw(SCHEDULE, b1=0.95, b2=0.95, weight_decay=0.1),
        {"learningRate": "schedule", "b1": 0.95, "b2": 0.95, "weightDecay": 0.1},
    ),
    ("signSgd", optax.sign_sgd(1e-2), {"learningRate": 1e-2}),
    (
        "clipByGlobalNorm+sgd",
        optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1)),
        {"maxNorm": 1, "learningRate": 0.1},
    ),
    (
        "clipByGlobalNorm+adamw",
        optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(1e-2, b2=0.95, weight_decay=1e-2)),
        {"maxNorm": 1, "learningRate": 1e-2, "b2": 0.95, "weightDecay": 1e-2},
    ),
]
FLOAT32_CASES = [CASES[index] for index in (0, 2, 3, 4, 8)]

QUADRATIC = {
    "A": [[4, 1, -0.5], [1, 2, 0.25], [-0.5, 0.25, 0.75]],
    "c": [1, -1, 2],
    "x": [3, -2, 1],
}
QUADRATIC_CASES = [CASES[2], CASES[4], CASES[7]]


def run(optimizer, params, gradient, dtype):
    cast = lambda tree: jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), tree)
    params = cast(params)
    state = optimizer.init(params)
    steps = []
    for count in range(STEPS):
        updates, state = optimizer.update(cast(gradient(count, params)), state, params)
        params = optax.apply_updates(params, updates)
        assert all(leaf.dtype == dtype for leaf in jax.tree.leaves(params))
        steps.append(params)
    return steps


def run_open(name, optimizer, options, dtype):
    steps = run(optimizer, PARAMS, lambda count, params: GRADIENTS[count], dtype)
    return {"optimizer": name, "options": options, "params": steps}


def run_quadratic(name, optimizer, options):
    A, c = np.array(QUADRATIC["A"]), np.array(QUADRATIC["c"], dtype=float)
    start = np.array(QUADRATIC["x"], dtype=float)
    steps = run(optimizer, start, lambda count, x: A @ x - c, jnp.float64)
    return {"optimizer": name, "options": options, "params": steps}


with jax.enable_x64(True):
    content = {
        "params": PARAMS,
        "gradients": GRADIENTS,
        "globalNorms": [optax.tree.norm(tree) for tree in GRADIENTS],
        "schedule": WARMUP_COSINE,
        "learningRates": [SCHEDULE(count) for count in range(STEPS)],
        "float64": [run_open(*case, jnp.float64) for case in CASES],
        "quadratic": QUADRATIC,
        "quadraticFloat64": [run_quadratic(*case) for case in QUADRATIC_CASES],
    }
with jax.enable_x64(False):
    content["float32"] = [run_open(*case, jnp.float32) for case in FLOAT32_CASES]
golden.write(__file__, "optax.json", content, packages=["numpy", "jax", "optax"])
