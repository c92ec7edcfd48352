"""PyTorch on the CPU, eager, with its fused optimizers (foreach where there is no fused one)."""
import time

start = time.perf_counter()
import torch

imported = time.perf_counter() - start

import os

from inputs import TRANSFORMER, mlp_batch, mlp_weights, transformer_batch, transformer_weights, uniform
from protocol import Prepared, serve
from torch.nn import functional as F

if "OMP_NUM_THREADS" in os.environ:
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def optimizer_step(make, note=None):
    def prepare(elements, tensors):
        size = elements // tensors
        params = [torch.from_numpy(uniform(1001 + i, size)) for i in range(tensors)]
        before = params[0].clone()
        for i, parameter in enumerate(params):
            parameter.grad = torch.from_numpy(uniform(1 + i, size))
        optimizer = make(params)
        optimizer.step()
        return Prepared(optimizer.step, (params[0] - before).abs().mean(), note)

    return prepare


def pure(f, *args):
    args = [torch.from_numpy(each) for each in args]
    with torch.no_grad():
        check = f(*args).abs().mean()

    def step():
        with torch.no_grad():
            f(*args)

    return Prepared(step, check)


def gradients(f, *args):
    args = [torch.from_numpy(each).requires_grad_() for each in args]

    def call():
        return torch.autograd.grad(f(*args), args)

    return Prepared(call, call()[0].abs().mean())


def linear(layer, x):
    return x @ layer["w"] + layer["b"]


def parameters(tree, found):
    """The same tree of parameters, which are put in a list too."""
    if isinstance(tree, dict):
        return {key: parameters(value, found) for key, value in tree.items()}
    if isinstance(tree, list):
        return [parameters(value, found) for value in tree]
    found.append(torch.from_numpy(tree).requires_grad_())
    return found[-1]


def training_step(loss_of, weights, batch):
    found = []
    params = parameters(weights, found)
    batch = [torch.from_numpy(each.copy()) for each in batch]
    optimizer = torch.optim.Adam(found, lr=1e-3, fused=True)

    def step():
        optimizer.zero_grad()
        loss = loss_of(params, *batch)
        loss.backward()
        optimizer.step()
        return loss.item()

    return Prepared(step, step())


def mlp():
    def loss_of(params, images, labels):
        logits = linear(params["out"], F.relu(linear(params["hidden"], images)))
        return F.cross_entropy(logits, labels.long())

    return training_step(loss_of, mlp_weights(), mlp_batch())


def transformer():
    batch, context, features, heads, vocabulary = (
        TRANSFORMER[key] for key in ("batch", "context", "features", "heads", "vocabulary")
    )

    def norm(layer, x):
        return F.layer_norm(x, (features,), layer["scale"], layer["offset"])

    def attend(block, x):
        parts = linear(block["queryKeyValue"], x).split(features, -1)
        q, k, v = (part.view(batch, context, heads, -1).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return linear(block["attentionOut"], mixed.transpose(1, 2).reshape(batch, context, features))

    def loss_of(params, inputs, labels):
        x = F.embedding(inputs, params["embedding"]) + params["positions"]
        for block in params["blocks"]:
            x = x + attend(block, norm(block["attentionNorm"], x))
            hidden = F.gelu(linear(block["mlpIn"], norm(block["mlpNorm"], x)), approximate="tanh")
            x = x + linear(block["mlpOut"], hidden)
        logits = norm(params["norm"], x) @ params["embedding"].T
        return F.cross_entropy(logits.view(-1, vocabulary), labels.reshape(-1).long())

    return training_step(loss_of, transformer_weights(), transformer_batch())


def conv_inputs(batch, extent, channels):
    """Channels first, which are last in memory."""
    image = (batch, extent, extent, channels)
    x, c = (torch.from_numpy(uniform(seed, image)).permute(0, 3, 1, 2) for seed in (1, 3))
    w = torch.from_numpy(uniform(2, (3, 3, channels, channels))).permute(3, 2, 0, 1)
    return x, w.contiguous(memory_format=torch.channels_last), c


def conv(**sizes):
    x, w, _ = conv_inputs(**sizes)

    def step():
        with torch.no_grad():
            return F.conv2d(x, w, padding=1)

    return Prepared(step, step().abs().mean())


def conv_gradient(**sizes):
    x, w, c = conv_inputs(**sizes)
    args = [x.requires_grad_(), w.requires_grad_()]

    def step():
        return torch.autograd.grad((F.conv2d(x, w, padding=1) * c).sum(), args)

    return Prepared(step, step()[0].abs().mean())


def softmax(rows, columns, elements):
    x, w = (uniform(seed, (rows, columns), 4) for seed in (1, 2))
    w = torch.from_numpy(w)
    return gradients(lambda x: (x.softmax(-1) * w).sum(), x)


def layer_norm(rows, columns, elements):
    x, w = (uniform(seed, (rows, columns)) for seed in (1, 2))
    scale, offset = (uniform(seed, columns) for seed in (3, 4))
    w = torch.from_numpy(w)

    def f(x, scale, offset):
        return (F.layer_norm(x, (columns,), scale, offset) * w).sum()

    return gradients(f, x, scale, offset)


def adam(params, **options):
    return torch.optim.Adam(params, lr=1e-3, fused=True, **options)


serve(
    {
        "s3": optimizer_step(adam, "Adam"),
        "adamw": optimizer_step(
            lambda params: torch.optim.AdamW(params, lr=1e-3, weight_decay=0.01, fused=True)
        ),
        "sgd": optimizer_step(
            lambda params: torch.optim.SGD(params, lr=1e-3, momentum=0.9, fused=True)
        ),
        "affine-gelu": lambda elements: pure(
            lambda x: F.gelu(1.5 * x + 0.5, approximate="tanh"), uniform(1, elements)
        ),
        "softmax": softmax,
        "layer-norm": layer_norm,
        "matmul": lambda m, k, n: pure(torch.matmul, uniform(1, (m, k)), uniform(2, (k, n))),
        "conv": conv,
        "conv-gradient": conv_gradient,
        "mlp": mlp,
        "transformer": transformer,
    },
    imported,
    lambda: torch.square(torch.tensor([1.0, 2, 3])).sum().item(),
)
