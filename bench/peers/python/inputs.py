"""The inputs of ../../inputs.ts."""
import numpy as np


def uniform(seed, shape, scale=1.0):
    """Uniform in [-scale, scale) by a hash of (seed, index)."""
    size = int(np.prod(shape))
    h = np.arange(size, dtype=np.uint32) ^ np.uint32(seed * 0x9E3779B9 & 0xFFFFFFFF)
    h = (h ^ (h >> 16)) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> 13)) * np.uint32(0xC2B2AE35)
    h ^= h >> 16
    return ((h / 2.0**31 - 1) * scale).astype(np.float32).reshape(shape)


def integers(seed, shape, limit):
    values = uniform(seed, shape).astype(np.float64)
    return np.floor((values + 1) / 2 * limit).astype(np.int32)


MLP = dict(inputs=784, hidden=256, classes=10, batch=128)
TRANSFORMER = dict(vocabulary=128, context=64, features=128, heads=4, blocks=2, batch=16)


class _Weights:
    """Matrices are numbered from seed 1 in the order in which they are asked for."""

    def __init__(self):
        self.seed = 0

    def matrix(self, rows, columns):
        self.seed += 1
        return uniform(self.seed, (rows, columns), 1 / rows**0.5)

    def linear(self, inputs, outputs):
        return dict(w=self.matrix(inputs, outputs), b=np.zeros(outputs, np.float32))

    def norm(self, features):
        return dict(scale=np.ones(features, np.float32), offset=np.zeros(features, np.float32))


def mlp_weights():
    weights = _Weights()
    return dict(
        hidden=weights.linear(MLP["inputs"], MLP["hidden"]),
        out=weights.linear(MLP["hidden"], MLP["classes"]),
    )


def mlp_batch():
    shape = (MLP["batch"], MLP["inputs"])
    return uniform(50, shape), integers(51, MLP["batch"], MLP["classes"])


def transformer_weights():
    size = TRANSFORMER
    features = size["features"]
    weights = _Weights()

    def block():
        return dict(
            attentionNorm=weights.norm(features),
            queryKeyValue=weights.linear(features, 3 * features),
            attentionOut=weights.linear(features, features),
            mlpNorm=weights.norm(features),
            mlpIn=weights.linear(features, 4 * features),
            mlpOut=weights.linear(4 * features, features),
        )

    return dict(
        embedding=weights.matrix(size["vocabulary"], features),
        positions=weights.matrix(size["context"], features),
        blocks=[block() for _ in range(size["blocks"])],
        norm=weights.norm(features),
    )


def transformer_batch():
    shape = (TRANSFORMER["batch"], TRANSFORMER["context"] + 1)
    tokens = integers(100, shape, TRANSFORMER["vocabulary"])
    return tokens[:, :-1], tokens[:, 1:]
