"""JAX and Optax on the CPU, everything jitted, parameters and state donated."""
import time

start = time.perf_counter()
import jax
import jax.numpy as jnp
import optax

imported = time.perf_counter() - start

import numpy as np

from inputs import TRANSFORMER, mlp_batch, mlp_weights, transformer_batch, transformer_weights, uniform
from protocol import Prepared, serve


def scale_by_s3(b=0.95):
    """S3 with p = 3 and Nesterov, in the robust form of softstep's scaleByS3."""
    w = b * b

    def init(params):
        zeros = jax.tree.map(jnp.zeros_like, params)
        return zeros, jax.tree.map(jnp.copy, zeros)

    def leaf(g, m, r):
        size = jnp.abs(g)
        largest = jnp.maximum(r, size)
        largest = jnp.where(largest == 0, 1, largest)
        old, now = (r / largest) ** 3, (size / largest) ** 3
        n = (w * m + (1 - w) * g) / largest
        d = jnp.cbrt(w * old + (1 - w) * now)
        u = jnp.clip(n / jnp.where(d == 0, 1, d), -1, 1)
        return u, b * m + (1 - b) * g, largest * jnp.cbrt(b * old + (1 - b) * now)

    def update(updates, state, params=None):
        results = jax.tree.map(leaf, updates, *state)
        return tuple(
            jax.tree.map(lambda _, result: result[i], updates, results) for i in range(3)
        )[0], tuple(jax.tree.map(lambda _, result: result[i], updates, results) for i in (1, 2))

    return optax.GradientTransformation(init, update)


def s3():
    return optax.chain(
        scale_by_s3(), optax.add_decayed_weights(0.01), optax.scale_by_learning_rate(1e-3)
    )


def optimizer_step(make):
    def prepare(elements, tensors):
        size = elements // tensors
        params = [jnp.asarray(uniform(1001 + i, size)) for i in range(tensors)]
        gradients = [jnp.asarray(uniform(1 + i, size)) for i in range(tensors)]
        optimizer = make()

        def update(p, s, g):
            updates, s = optimizer.update(g, s, p)
            return optax.apply_updates(p, updates), s

        compiled = jax.jit(update, donate_argnums=(0, 1))
        current = [params, optimizer.init(params)]

        def step():
            current[:] = compiled(*current, gradients)
            jax.block_until_ready(current)

        step()
        return Prepared(step, np.abs(np.asarray(current[0][0]) - uniform(1001, size)).mean())

    return prepare


def pure(f, *args):
    compiled = jax.jit(f)
    args = [jnp.asarray(each) for each in args]
    first = jax.tree.leaves(compiled(*args))[0]
    return Prepared(lambda: jax.block_until_ready(compiled(*args)), np.abs(first).mean())


def layer_norm(norm, x):
    centered = x - x.mean(-1, keepdims=True)
    deviation = jnp.sqrt(jnp.square(centered).mean(-1, keepdims=True) + 1e-5)
    return centered / deviation * norm["scale"] + norm["offset"]


def linear(layer, x):
    return x @ layer["w"] + layer["b"]


def cross_entropy(logits, labels):
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def training_step(loss_of, weights, batch):
    optimizer = optax.adam(1e-3)
    params = jax.tree.map(jnp.asarray, weights)
    batch = [jnp.asarray(each) for each in batch]

    def update(p, s, *batch):
        loss, gradients = jax.value_and_grad(loss_of)(p, *batch)
        updates, s = optimizer.update(gradients, s, p)
        return optax.apply_updates(p, updates), s, loss

    compiled = jax.jit(update, donate_argnums=(0, 1))
    current = [params, optimizer.init(params), None]

    def step():
        current[:] = compiled(*current[:2], *batch)
        jax.block_until_ready(current)

    step()
    return Prepared(step, current[2])


def mlp():
    def loss_of(params, images, labels):
        hidden = jax.nn.relu(linear(params["hidden"], images))
        return cross_entropy(linear(params["out"], hidden), labels)

    return training_step(loss_of, mlp_weights(), mlp_batch())


def transformer():
    batch, context, features, heads = (
        TRANSFORMER[key] for key in ("batch", "context", "features", "heads")
    )

    def attend(block, x):
        parts = jnp.split(linear(block["queryKeyValue"], x), 3, -1)
        q, k, v = (part.reshape(batch, context, heads, -1) for part in parts)
        mixed = jax.nn.dot_product_attention(q, k, v, is_causal=True)
        return linear(block["attentionOut"], mixed.reshape(batch, context, features))

    def loss_of(params, inputs, labels):
        x = params["embedding"][inputs] + params["positions"]
        for block in params["blocks"]:
            x = x + attend(block, layer_norm(block["attentionNorm"], x))
            hidden = jax.nn.gelu(linear(block["mlpIn"], layer_norm(block["mlpNorm"], x)))
            x = x + linear(block["mlpOut"], hidden)
        return cross_entropy(layer_norm(params["norm"], x) @ params["embedding"].T, labels)

    return training_step(loss_of, transformer_weights(), transformer_batch())


def conv_inputs(batch, extent, channels):
    image = (batch, extent, extent, channels)
    return uniform(1, image), uniform(2, (3, 3, channels, channels)), uniform(3, image)


def convolution(x, w):
    return jax.lax.conv_general_dilated(
        x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def conv(**sizes):
    x, w, _ = conv_inputs(**sizes)
    return pure(convolution, x, w)


def conv_gradient(**sizes):
    gradient = jax.grad(lambda x, w, c: (convolution(x, w) * c).sum(), argnums=(0, 1))
    return pure(gradient, *conv_inputs(**sizes))


def softmax(rows, columns, elements):
    gradient = jax.grad(lambda x, w: (jax.nn.softmax(x) * w).sum())
    return pure(gradient, *(uniform(seed, (rows, columns), 4) for seed in (1, 2)))


def layer_norm_gradients(rows, columns, elements):
    def f(x, scale, offset, w):
        return (layer_norm(dict(scale=scale, offset=offset), x) * w).sum()

    x, w = (uniform(seed, (rows, columns)) for seed in (1, 2))
    scale, offset = (uniform(seed, columns) for seed in (3, 4))
    return pure(jax.grad(f, argnums=(0, 1, 2)), x, scale, offset, w)


serve(
    {
        "s3": optimizer_step(s3),
        "adamw": optimizer_step(lambda: optax.adamw(1e-3, weight_decay=0.01)),
        "sgd": optimizer_step(lambda: optax.sgd(1e-3, momentum=0.9)),
        "affine-gelu": lambda elements: pure(
            lambda x: jax.nn.gelu(1.5 * x + 0.5), uniform(1, elements)
        ),
        "softmax": softmax,
        "layer-norm": layer_norm_gradients,
        "matmul": lambda m, k, n: pure(jnp.matmul, uniform(1, (m, k)), uniform(2, (k, n))),
        "conv": conv,
        "conv-gradient": conv_gradient,
        "mlp": mlp,
        "transformer": transformer,
    },
    imported,
    lambda: jax.block_until_ready(jax.jit(lambda x: (x * x).sum())(jnp.array([1.0, 2, 3]))),
)
