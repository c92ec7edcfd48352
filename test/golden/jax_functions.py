"""Golden values of functions and their derivatives: JAX's, in float64.

Made with Python 3.11, numpy 2.4.6, jax 0.10.2, optax 0.2.8.

Each case has its arguments, the value, a cotangent of the value's shape, and the gradient with
respect to every floating-point argument (a vector-Jacobian product; null for the others).
Where a derivative is a choice (ties, corners, 0 log 0), the case records JAX's choice.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

import golden

jax.config.update("jax_enable_x64", True)

INF = math.inf
NAN = math.nan
RNG = np.random.default_rng(5)


def normal(*shape):
    """Normal numbers rounded to 3 decimals, for readable JSON."""
    return RNG.standard_normal(shape).round(3)


def case(name, function, *args, **options):
    """options go to the function as they are, and into the case."""
    args = [jnp.asarray(arg) for arg in args]
    inexact = [index for index, arg in enumerate(args) if jnp.issubdtype(arg.dtype, jnp.floating)]

    def of_inexact(*values):
        full = list(args)
        for index, value in zip(inexact, values):
            full[index] = value
        return function(*full, **options)

    value, pull_back = jax.vjp(of_inexact, *(args[index] for index in inexact))
    # Ones for a result of one number; else 1, -0.5, 1/3, -0.25, ... so that no two weights agree.
    weights = [(-1) ** i / (i + 1) for i in range(value.size)]
    cotangent = jnp.asarray(weights).reshape(value.shape)
    gradients = [None] * len(args)
    for index, gradient in zip(inexact, pull_back(cotangent)):
        gradients[index] = gradient
    return {
        "function": name,
        "args": args,
        "options": options,
        "value": value,
        "cotangent": cotangent,
        "gradients": gradients,
    }


# --- softmax and losses ---

LOGITS = [
    ("plain", normal(2, 4)),
    ("large", [[1000.0, 999.0, -1000.0, 0.0], [-1000.0, -1001.0, -1002.0, -1000.5]]),
    ("minus infinity", [[0.5, -INF, 1.0, -INF], [-INF, 2.0, -INF, -INF]]),
]
# softmax and log_softmax of such a row are NaN; logsumexp is -Infinity.
ALL_MINUS_INFINITY = [-INF, -INF, -INF]

softmax_cases = []
for _, logits in LOGITS:
    softmax_cases += [
        case("softmax", jax.nn.softmax, logits, axis=-1),
        case("logSoftmax", jax.nn.log_softmax, logits, axis=-1),
        case("logsumexp", jax.nn.logsumexp, logits, axis=-1),
    ]
softmax_cases += [
    case("softmax", jax.nn.softmax, normal(3, 2), axis=0),
    case("logsumexp", jax.nn.logsumexp, normal(3, 2), axis=None),
    case("logsumexp", jax.nn.logsumexp, [INF, 1.0], axis=-1),
    case("softmax", jax.nn.softmax, ALL_MINUS_INFINITY, axis=-1),
    case("logSoftmax", jax.nn.log_softmax, ALL_MINUS_INFINITY, axis=-1),
    case("logsumexp", jax.nn.logsumexp, ALL_MINUS_INFINITY, axis=-1),
]

ONE_HOT = [[0.0, 1.0, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4]]
loss_cases = [
    case("softmaxCrossEntropy", optax.softmax_cross_entropy, logits, ONE_HOT)
    for label, logits in LOGITS
    if label != "minus infinity"  # 0 * -Infinity there
] + [
    case(
        "softmaxCrossEntropyWithIntegerLabels",
        optax.softmax_cross_entropy_with_integer_labels,
        logits,
        [0, 1],
    )
    for _, logits in LOGITS
]


# --- element-wise ---

LINE = [-30.0, -5.0, -2.5, -1.0, -0.1, -1e-8, 0.0, 1e-8, 0.1, 1.0, 2.5, 5.0, 30.0]
EXTREMES = [-INF, -1e308, -800.0, -745.0, -40.0, -0.0, 0.0, 40.0, 745.0, 800.0, 1e308, INF, NAN]
NEAR_ZERO = [-1e-3, -1e-8, -1e-16, -1e-300, 0.0, 5e-324, 1e-300, 1e-16, 1e-8, 1e-3]
INSIDE_ONE = [-0.9999999999, -0.99, -0.5, -1e-9, 0.0, 1e-9, 0.25, 0.75, 0.999, 0.9999999999]

elementwise_cases = [
    case("gelu", jax.nn.gelu, LINE, approximate=True),
    case("gelu", jax.nn.gelu, LINE, approximate=False),
    case("relu", jax.nn.relu, [-1.0, -0.0, 0.0, 2.0]),
    case("silu", jax.nn.silu, LINE),
    case("softplus", jax.nn.softplus, LINE),
    case("tanh", jnp.tanh, LINE),
    case("tanh", jnp.tanh, EXTREMES),
    case("erf", jax.scipy.special.erf, LINE),
    case("erfc", jax.scipy.special.erfc, LINE),
    case("erfInv", jax.scipy.special.erfinv, INSIDE_ONE),
    case("erfInv", jax.scipy.special.erfinv, [-1.0, 1.0, 1.5]),
    case("expm1", jnp.expm1, NEAR_ZERO),
    case("expm1", jnp.expm1, LINE),
    case("log1p", jnp.log1p, NEAR_ZERO),
    case("log1p", jnp.log1p, [-2.0, -1.0, -0.9999999999, 1.0, 1e300, INF]),
    case("sigmoid", jax.nn.sigmoid, LINE),
    case("sigmoid", jax.nn.sigmoid, EXTREMES),
    case("logSigmoid", jax.nn.log_sigmoid, LINE),
    case("abs", jnp.abs, [-2.0, -0.0, 0.0, 3.0]),
    case("sign", jnp.sign, [-2.0, -0.0, 0.0, 3.0, NAN, -INF]),
    case("sqrt", jnp.sqrt, [0.0, 1e-300, 2.0, INF, -1.0]),
    case("cbrt", jnp.cbrt, [-8.0, 0.0, 1e-300, 27.0]),
    case("log", jnp.log, [0.0, 1e-300, 2.0, INF, -1.0]),
    case("maximum", jnp.maximum, [1.0, 2.0, 3.0, NAN, 0.0], [2.0, 2.0, 1.0, 1.0, -0.0]),
    case("minimum", jnp.minimum, [1.0, 2.0, 3.0, NAN, 0.0], [2.0, 2.0, 1.0, 1.0, -0.0]),
    case("clip", lambda x: jnp.clip(x, -1.0, 1.0), [-2.0, -1.0, 0.5, 1.0, 2.0]),
    case("atan2", jnp.atan2, [1.0, -1.0, 0.0, -0.0, 2.0], [1.0, -1.0, -1.0, -1.0, 0.0]),
    # pow: 0^0, 0^2, 0^-1, 0^0.5, negative bases with whole and with fractional exponents
    case(
        "pow",
        jnp.power,
        [0.0, 0.0, 0.0, 0.0, -2.0, -2.0, -2.0, -2.0, 2.0, 2.0, 1.0, INF, 0.0],
        [0.0, 2.0, -1.0, 0.5, 2.0, 3.0, -1.0, 0.5, 0.0, -1.5, 1e6, -1.0, 1.0],
    ),
    # An int32 exponent is not differentiated, and 0^0 then has the derivative 0, not NaN.
    case(
        "powInteger",
        jnp.power,
        [0.0, 0.0, 0.0, 0.0, -2.0, -2.0, -2.0, 3.0],
        np.array([0, 1, 2, -1, 2, 3, -1, 0], np.int32),
    ),
    # The exponent a constant whole number: no logarithm anywhere.
    case("square", lambda x: x**2, [-2.0, 0.0, 3.0]),
    case("cube", lambda x: x**3, [-2.0, 0.0, 3.0]),
    case("zerothPower", lambda x: x**0, [-2.0, 0.0, 3.0]),
    case("reciprocal", lambda x: x**-1, [-2.0, 0.0, 4.0]),
    # A branch not taken gets the cotangent 0. log's derivative at -1 is finite (-1): harmless.
    case("whereLog", lambda x: jnp.where(x > 0, jnp.log(x), 0.0), [-1.0, 2.0]),
    # sqrt's at 0 is infinite, and 0 * Infinity is NaN: the known trap, and the way round it.
    case("whereSqrt", lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0), [0.0, 4.0]),
    case(
        "whereSqrtSafe",
        lambda x: jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1.0)), 0.0),
        [0.0, 4.0],
    ),
    case("where", jnp.where, [True, False, True], [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]),
]


# --- reductions and scans ---

TIES = [[1.0, 3.0, 3.0, 3.0], [2.0, 2.0, -1.0, 0.5]]

reduction_cases = [
    case("max", jnp.max, TIES, axis=-1),
    case("max", jnp.max, TIES, axis=0),
    case("max", jnp.max, TIES, axis=None),
    case("min", jnp.min, TIES, axis=-1),
    case("min", jnp.min, [[2.0, 2.0], [2.0, 5.0]], axis=None),
    case("max", jnp.max, [1.0, NAN, 2.0], axis=None),
    case("argmax", lambda x, axis: jnp.argmax(x, axis).astype(float), TIES, axis=-1),
    case("prod", jnp.prod, [2.0, 0.0, 3.0], axis=None),
    case("prod", jnp.prod, [0.0, 0.0, 3.0], axis=None),
    case("mean", jnp.mean, normal(2, 3), axis=0),
    case("variance", jnp.var, normal(2, 3), axis=-1),
    case("norm", lambda x: jnp.sqrt(jnp.sum(x**2)), [3.0, 4.0]),
    case("cumsum", jnp.cumsum, normal(2, 4), axis=1),
    case("cumsum", jnp.cumsum, normal(3, 2), axis=0),
    case("cumsumReverse", lambda x: jnp.flip(jnp.cumsum(jnp.flip(x))), normal(4)),
    case("take", lambda x, index: x[index], normal(4, 2), [2, 0, 2]),
    case("matmul", jnp.matmul, normal(2, 3), normal(3, 2)),
    case("matmul", jnp.matmul, normal(2, 2, 3), normal(3, 2)),
    case("matmul", jnp.matmul, normal(3), normal(2, 3, 2)),
]


# --- layers ---


def layer_norm(x, scale, bias, eps):
    mean = jnp.mean(x, axis=-1, keepdims=True)
    variance = jnp.mean((x - mean) ** 2, axis=-1, keepdims=True)
    return (x - mean) / jnp.sqrt(variance + eps) * scale + bias


def causal_attention(x, query, key, value, output, heads):
    """x: [time, width]; each weight: [width, width]; softmax(Q K^T / sqrt(width / heads)) V."""
    time, width = x.shape
    split = lambda y: y.reshape(time, heads, width // heads).transpose(1, 0, 2)
    q, k, v = split(x @ query), split(x @ key), split(x @ value)
    scores = q @ k.transpose(0, 2, 1) / math.sqrt(width // heads)
    scores = jnp.where(jnp.tril(jnp.ones((time, time), bool)), scores, -jnp.inf)
    mixed = jax.nn.softmax(scores, axis=-1) @ v
    return mixed.transpose(1, 0, 2).reshape(time, width) @ output


layer_cases = [
    case("layerNorm", layer_norm, normal(2, 4), normal(4), normal(4), eps=1e-5),
    case("layerNorm", layer_norm, [[2.0, 2.0, 2.0]], normal(3), normal(3), eps=1e-5),
    case(
        "causalAttention",
        causal_attention,
        normal(3, 4),
        *(normal(4, 4) for _ in range(4)),
        heads=2,
    ),
]


# --- higher derivatives ---


def smooth(x):
    return jnp.sum(jnp.sin(x) * x**2) + jnp.prod(x) + jax.nn.logsumexp(x)


def wave(x):
    return jnp.tanh(x) * jnp.exp(x / 2)


def derivatives(function, x, order):
    values = []
    for _ in range(order + 1):
        values.append(function(x))
        function = jax.grad(function)
    return values


POINT = np.array([0.3, -1.2, 0.7])
TANGENT = np.array([1.0, 0.5, -2.0])

higher = {
    "hessian": {
        # sum(sin(x) x^2) + x0 x1 x2 + logsumexp(x)
        "x": POINT,
        "value": smooth(POINT),
        "gradient": jax.grad(smooth)(POINT),
        "hessian": jax.hessian(smooth)(POINT),
        "tangent": TANGENT,
        "jvp": jax.jvp(smooth, (POINT,), (TANGENT,))[1],
        "hessianVectorProduct": jax.jvp(jax.grad(smooth), (POINT,), (TANGENT,))[1],
    },
    # tanh(x) exp(x / 2): the function and its first three derivatives
    "thirdDerivative": [
        {"x": x, "derivatives": derivatives(wave, x, 3)} for x in (-1.5, 0.0, 0.4, 2.0)
    ],
    "geluDerivatives": [
        {
            "x": x,
            "approximate": approximate,
            "derivatives": derivatives(partial(jax.nn.gelu, approximate=approximate), x, 3),
        }
        for approximate in (True, False)
        for x in (-1.0, 0.5)
    ],
}

# --- convolutions: images [batch, height, width, channels], windows [height, width, in, out] ---


def conv2d(x, w, stride, padding, dilation, groups):
    return jax.lax.conv_general_dilated(
        x,
        w,
        window_strides=stride,
        padding=padding.upper() if isinstance(padding, str) else padding,
        rhs_dilation=dilation,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


def conv_case(x, w, stride=(1, 1), padding="valid", dilation=(1, 1), groups=1):
    return case(
        "conv2d",
        conv2d,
        normal(*x),
        normal(*w),
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
    )


convolution_cases = [
    conv_case((2, 4, 5, 2), (3, 2, 2, 3)),
    conv_case((1, 5, 4, 2), (3, 3, 2, 2), padding="same"),
    conv_case((2, 6, 5, 1), (3, 2, 1, 2), stride=(2, 3), padding="same"),
    conv_case((1, 6, 7, 1), (2, 3, 1, 2), dilation=(3, 2), padding="same"),
    conv_case((1, 5, 4, 2), (2, 3, 2, 1), (2, 1), ((0, 2), (1, 3)), (2, 1)),
    conv_case((1, 3, 4, 4), (2, 2, 2, 6), padding="same", groups=2),
    conv_case((1, 4, 3, 3), (2, 2, 1, 3), stride=(2, 1), groups=3),
]


golden.write(
    __file__,
    "functions.json",
    {
        "softmax": softmax_cases,
        "losses": loss_cases,
        "elementwise": elementwise_cases,
        "reductions": reduction_cases,
        "layers": layer_cases,
        "convolutions": convolution_cases,
        **higher,
    },
    packages=["numpy", "jax", "optax"],
)
