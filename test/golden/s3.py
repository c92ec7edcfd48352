"""Golden values of S3, from the naive equations in float64.

Made with Python 3.11, numpy 2.4.6.

    m' = b m + (1-b) g                       u = n / d, 0 where d = 0
    s' = b s + (1-b) |g|^p                   theta' = theta - lr (u + wd theta)

    with nesterov:     n = b m' + (1-b) g,   d = (b s' + (1-b) |g|^p)^(1/p)
    without nesterov:  n = m',               d = s'^(1/p)

p = Infinity is the limit: s'^(1/p) becomes r' = max(r, |g|), and so does d. For b = 0 the old state
has no weight, so r' = |g|.

The library computes something else (it keeps s^(1/p) and scales by the larger of it and |g|); that
is the point: this file knows nothing of it.
"""

import math

import numpy as np

import golden

INF = math.inf


def s3_step(m, s, g, b, p, nesterov):
    """One step on arrays: (m', s', u). For p = Infinity s holds the running maximum r."""
    m = b * m + (1 - b) * g
    n = b * m + (1 - b) * g if nesterov else m
    if p == INF:
        s = np.maximum(s if b > 0 else 0.0, np.abs(g))
        d = s
    else:
        power = np.abs(g) ** p
        s = b * s + (1 - b) * power
        d = (b * s + (1 - b) * power if nesterov else s) ** (1 / p)
    u = np.divide(n, d, out=np.zeros_like(n), where=d != 0)
    return m, s, u


def s3_updates(gradients, b, p, nesterov):
    m, s, updates = np.zeros_like(gradients[0]), np.zeros_like(gradients[0]), []
    for t, g in enumerate(gradients, start=1):
        m, s, u = s3_step(m, s, g, b, p, nesterov)
        # The bound u must hold to: |u_t| <= (1 - b^(t+1))^(1-1/p), b^t without the look-ahead.
        bound = (1 - b ** (t + 1 if nesterov else t)) ** (1 - 1 / p)
        assert np.all(np.abs(u) <= bound * (1 + 1e-12)), (b, p, nesterov, t, u, bound)
        updates.append(u)
    return np.array(updates)


def float32_numbers(values):
    """float64 values that float32 holds exactly, so that one stream serves both dtypes."""
    return np.asarray(values, dtype=np.float32).astype(np.float64)


# --- element-wise updates ---

# Columns: mixed magnitudes and signs; zeros first; always zero; quiet, one spike, quiet.
GRADIENTS = float32_numbers(
    [
        [1e-6, 0, 0, 1e-3],
        [-1e3, 0, 0, -2e-3],
        [0.5, 0, 0, 1.5e-3],
        [0.5, 0.25, 0, 1e-3],
        [-0.03, -0.25, 0, -1e-3],
        [0, 0, 0, 1e3],
        [2.75, 1e-4, 0, 1e-3],
        [-1e-5, -3, 0, -1.25e-3],
        [40, -3, 0, 1e-3],
        [-40, -3, 0, 5e-4],
        [1e-6, -3, 0, 1e-3],
        [1e3, 7, 0, -1e-3],
    ]
)

CASES = [
    (p, b, nesterov)
    for p in (1, 1.5, 2, 3, 4, 8, INF)
    for b in (0, 0.5, 0.9, 0.95, 0.99, 0.999)
    for nesterov in (True, False)
]
# Orders without a special path, and a tiny b with a large p.
CASES += [(2.5, 0.95, True), (32, 0.95, True), (32, 1e-3, True), (32, 1e-3, False)]

# The ends of float32's range, where float32 itself loses bits of the subnormal m: for float64 only.
# float64 holds every |g|^p here for the orders given.
EXTREME_GRADIENTS = np.ldexp(
    [
        [1, 1, 1],
        [1, -1, 1],
        [-1, 1, 1],
        [1, 1, -1],
        [0, 1, 1],
        [1, -1, 1],
    ],
    [
        [-149, 127, -140],
        [-148, 126, 120],
        [-149, 127, -149],
        [-126, -149, 127],
        [0, -149, -149],
        [-149, 0, 1],
    ],
)
EXTREME_CASES = [(p, b, True) for p in (1, 1.5, 2, 3, 4, INF) for b in (0.5, 0.95)]


# --- whole optimizer ---


def warmup_cosine(count, init, peak, warmup, total, end):
    if count < warmup:
        return init + (peak - init) * count / warmup
    progress = min((count - warmup) / (total - warmup), 1)
    return end + (peak - end) * 0.5 * (1 + math.cos(math.pi * progress))


SCHEDULE = {"init": 0.0, "peak": 0.1, "warmup": 5, "total": 18, "end": 0.01}
WEIGHT_DECAY = 0.1
STEPS = 20

# The tree {layer: {kernel: [2, 3]}, bias: [3]}; only the kernel decays.
PARAMS = {
    "kernel": float32_numbers([[1, -0.5, 0.25], [-2, 0.1, 3]]),
    "bias": float32_numbers([0, 0.5, -1]),
}
DECAYS = {"kernel": True, "bias": False}
RNG = np.random.default_rng(7)
PARAM_GRADIENTS = [
    {
        name: float32_numbers(RNG.standard_normal(leaf.shape) * 10.0 ** RNG.integers(-3, 2))
        for name, leaf in PARAMS.items()
    }
    for _ in range(STEPS)
]


def tree(leaves):
    return {"layer": {"kernel": leaves["kernel"]}, "bias": leaves["bias"]}


def trajectory(b, p, nesterov):
    theta = dict(PARAMS)
    m = {name: np.zeros_like(leaf) for name, leaf in theta.items()}
    s = {name: np.zeros_like(leaf) for name, leaf in theta.items()}
    steps = []
    for count, gradients in enumerate(PARAM_GRADIENTS):
        lr = warmup_cosine(count, **SCHEDULE)
        for name, g in gradients.items():
            m[name], s[name], u = s3_step(m[name], s[name], g, b, p, nesterov)
            wd = WEIGHT_DECAY if DECAYS[name] else 0
            theta[name] = theta[name] - lr * (u + wd * theta[name])
        steps.append(tree(theta))
    return steps


def case(gradients, p, b, nesterov):
    return {"p": p, "b": b, "nesterov": nesterov, "u": s3_updates(gradients, b, p, nesterov)}


golden.write(
    __file__,
    "s3.json",
    {
        "gradients": GRADIENTS,
        "updates": [case(GRADIENTS, *options) for options in CASES],
        "extremeGradients": EXTREME_GRADIENTS,
        "extremeUpdates": [case(EXTREME_GRADIENTS, *options) for options in EXTREME_CASES],
        "trajectory": {
            "params": tree(PARAMS),
            "decays": tree(DECAYS),
            "weightDecay": WEIGHT_DECAY,
            "schedule": SCHEDULE,
            "learningRates": [warmup_cosine(count, **SCHEDULE) for count in range(STEPS)],
            "gradients": [tree(leaves) for leaves in PARAM_GRADIENTS],
        },
        # params[t] is theta after step t + 1; step t uses learningRates[t].
        "trajectories": [
            {"p": p, "b": b, "nesterov": nesterov, "params": trajectory(b, p, nesterov)}
            for b, p, nesterov in [(0.95, 3, True), (0.9, 2, False), (0.99, INF, True)]
        ],
    },
    packages=["numpy"],
)
