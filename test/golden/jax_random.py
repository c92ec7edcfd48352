"""Golden values of the random numbers: JAX's, with its settings as installed.

Made with Python 3.11, numpy 2.4.6, scipy 1.17.1, jax 0.10.2.

The first half is the same thing in numpy, function by function; the second half draws with JAX,
asserts that the two agree (integers and float bits exactly, logarithms and erf_inv to a tolerance)
and writes what JAX gave. A raw key is its two words [hi, lo].

A float32 uniform on [minval, maxval) is computed on most CPUs with one rounding for
floats * span + minval (a fused multiply-add), without one elsewhere: where the product is not exact
the last bit depends on the machine, and the case says "bitwise": false.
"""

import math

import jax
import jax.extend.random
import numpy as np
import scipy.special

import golden

u32 = np.uint32

# --- the same in numpy ---


def threefry2x32(key, hi, lo):
    """Threefry 2x32, 20 rounds (Salmon et al. 2011): two counter words to two random words."""
    with np.errstate(over="ignore"):
        ks = [u32(key[0]), u32(key[1]), u32(key[0]) ^ u32(key[1]) ^ u32(0x1BD11BDA)]
        x0, x1 = u32(hi) + ks[0], u32(lo) + ks[1]
        for group in range(5):
            for rotation in ((13, 15, 26, 6), (17, 29, 16, 24))[group % 2]:
                x0 = x0 + x1
                x1 = (x1 << u32(rotation)) | (x1 >> u32(32 - rotation))
                x1 = x0 ^ x1
            x0 = x0 + ks[(group + 1) % 3]
            x1 = x1 + ks[(group + 2) % 3] + u32(group + 1)
        return x0, x1


def key_of_seed(seed, x64):
    """The seed as two's complement; its upper word only in 64-bit mode."""
    return np.array([(seed >> 32) & 0xFFFFFFFF if x64 else 0, seed & 0xFFFFFFFF], u32)


def words(key, shape):
    """Two words per element: the counter is the element's row-major index, as (hi, lo)."""
    index = np.arange(math.prod(shape), dtype=np.uint64).reshape(shape)
    return threefry2x32(key, (index >> np.uint64(32)).astype(u32), index.astype(u32))


def split(key, count):
    return np.stack(words(key, (count,)), axis=-1)


def fold_in(key, data):
    return np.stack(threefry2x32(key, u32(0), u32(data)))


def bits(key, shape, width=32):
    first, second = words(key, shape)
    if width == 64:
        return (first.astype(np.uint64) << np.uint64(32)) | second.astype(np.uint64)
    return (first ^ second).astype({8: np.uint8, 16: np.uint16, 32: u32}[width])


def unit_uniform(key, shape, dtype=np.float32):
    """[0, 1): the upper bits as the mantissa of a number in [1, 2), less 1."""
    if dtype == np.float64:
        mantissa = bits(key, shape, 64) >> np.uint64(12)
        return (mantissa | np.uint64(0x3FF0000000000000)).view(np.float64) - 1
    mantissa = bits(key, shape) >> u32(9)
    return (mantissa | u32(0x3F800000)).view(np.float32) - np.float32(1)


def uniform(key, shape, minval=0, maxval=1, dtype=np.float32):
    low, high = dtype(minval), dtype(maxval)
    span = high - low
    floats = unit_uniform(key, shape, dtype)
    # In float64 the product of two float32 is exact, so this rounds once, as a fused multiply-add.
    scaled = (floats.astype(np.float64) * np.float64(span) + np.float64(low)).astype(dtype)
    return np.maximum(low, scaled)


def normal(key, shape, dtype=np.float32):
    below_one = np.nextafter(dtype(-1), dtype(0))
    u = uniform(key, shape, below_one, 1, dtype)
    return (math.sqrt(2) * scipy.special.erfinv(u.astype(np.float64))).astype(dtype)


def randint(key, shape, minval, maxval):
    """int32 in [minval, maxval), in uint32 arithmetic modulo 2^32; an empty range gives minval."""
    high_key, low_key = split(key, 2)
    high, low = bits(high_key, shape), bits(low_key, shape)
    span = u32(maxval - minval if maxval > minval else 1)
    with np.errstate(over="ignore"):
        multiplier = u32(2**16) % span
        # 65536^2 wraps to 0, so a span above 2^16 uses the low word alone.
        multiplier = np.asarray(multiplier * multiplier) % span
        offset = (high % span * multiplier + low % span) % span
        return (u32(minval & 0xFFFFFFFF) + offset).astype(u32).view(np.int32)


def bernoulli(key, p, shape):
    return uniform(key, shape) < np.float32(p)


def gumbel(key, shape):
    u = uniform(key, shape, np.finfo(np.float32).tiny, 1).astype(np.float64)
    return (-np.log(-np.log(u))).astype(np.float32)


def categorical(key, logits, shape=None):
    """Over the last axis; shape is the result's, its trailing part that of the rows of logits."""
    shape = logits.shape[:-1] if shape is None else shape
    return np.argmax(gumbel(key, (*shape, logits.shape[-1])) + logits, axis=-1)


def permutation(key, n):
    """A stable sort by random words, repeated until equal words are unlikely to matter."""
    order = np.arange(n)
    for _ in range(math.ceil(3 * math.log(max(1, n)) / math.log(2**32 - 1))):
        key, sort_key = split(key, 2)
        order = order[np.argsort(bits(sort_key, (n,)), kind="stable")]
    return order


# --- drawn with JAX ---


def raw(key):
    return np.asarray(jax.random.key_data(key))


def same(ours, theirs):
    theirs = np.asarray(theirs)
    assert ours.shape == theirs.shape and np.array_equal(ours, theirs), (ours, theirs)
    return theirs


def close(ours, theirs, tolerance):
    theirs = np.asarray(theirs)
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)
    return theirs


def counters():
    """Random123's own known answers, and one of ours."""
    rows = []
    for key, counter, answer in [
        ([0, 0], [0, 0], [0x6B200159, 0x99BA4EFE]),
        ([0xFFFFFFFF] * 2, [0xFFFFFFFF] * 2, [0x1CB996FC, 0xBB002BE7]),
        ([0x13198A2E, 0x03707344], [0x243F6A88, 0x85A308D3], [0xC4923A9C, 0x483DF7A0]),
        ([1, 2], [3, 4], None),
    ]:
        ours = np.stack(threefry2x32(key, u32(counter[0]), u32(counter[1])))
        theirs = same(
            ours, jax.extend.random.threefry_2x32(np.array(key, u32), np.array(counter, u32))
        )
        assert answer is None or list(theirs) == answer
        rows.append({"key": key, "counter": counter, "value": theirs})
    return rows


def seeds(values, x64):
    rows = []
    for seed in values:
        theirs = same(key_of_seed(seed, x64), raw(jax.random.key(seed)))
        same(theirs, jax.random.PRNGKey(seed))
        rows.append({"seed": seed, "key": theirs})
    return rows


KEY = jax.random.key(42)
RAW = raw(KEY)
SHAPES = [(), (1,), (5,), (2, 3), (4, 1, 3)]
LOGITS = np.array([[0, 1, -2, 0.5], [3, 3, 3, -np.inf]], np.float32)


def uniform_case(shape, minval, maxval, bitwise):
    theirs = jax.random.uniform(KEY, shape, minval=minval, maxval=maxval)
    ours = uniform(RAW, shape, minval, maxval)
    value = same(ours, theirs) if bitwise else close(ours, theirs, 1e-6)
    return {"shape": shape, "minval": minval, "maxval": maxval, "bitwise": bitwise, "value": value}


with jax.enable_x64(False):
    content = {
        "threefryPartitionable": jax.config.jax_threefry_partitionable,
        "defaultImplementation": jax.config.jax_default_prng_impl,
        # The key of everything below, unless a row has its own.
        "key": RAW,
        "threefry2x32": counters(),
        "seeds": seeds([0, 1, 42, 2**31, -1, 2**32 - 1, 2**32 + 7, -(2**31)], x64=False),
        "split": [
            {
                "seed": seed,
                "count": n,
                "keys": same(split(raw(key), n), raw(jax.random.split(key, n))),
            }
            for seed in (0, 42)
            for key in [jax.random.key(seed)]
            for n in (2, 3, 5)
        ],
        # data is a uint32: JAX refuses -1 and 2^32.
        "foldIn": [
            {"data": data, "key": same(fold_in(RAW, data), raw(jax.random.fold_in(KEY, data)))}
            for data in (0, 1, 2, 1000, 2**31, 2**32 - 1)
        ],
        "bits32": [
            {"shape": shape, "value": same(bits(RAW, shape), jax.random.bits(KEY, shape))}
            for shape in SHAPES
        ],
        "bits16": same(bits(RAW, (5,), 16), jax.random.bits(KEY, (5,), np.uint16)),
        "bits8": same(bits(RAW, (5,), 8), jax.random.bits(KEY, (5,), np.uint8)),
        "uniform32": [
            uniform_case((), 0, 1, True),
            uniform_case((2, 3), 0, 1, True),
            uniform_case((16,), 0, 1, True),
            uniform_case((16,), -1, 1, True),
            uniform_case((16,), -3, 5, True),
            uniform_case((16,), 0.1, 0.7, False),
            uniform_case((16,), -3.3, 5.9, False),
        ],
        # JAX's float32 erf_inv is a polynomial; against an exact one it is off by up to 6e-6.
        "normal32": [
            {
                "shape": shape,
                "value": close(normal(RAW, shape), jax.random.normal(KEY, shape), 1e-5),
            }
            for shape in ((), (2, 3), (64,))
        ],
        "randint32": [
            {
                "minval": low,
                "maxval": high,
                "value": same(
                    randint(RAW, (12,), low, high), jax.random.randint(KEY, (12,), low, high)
                ),
            }
            for low, high in [
                (0, 2),
                (0, 10),
                (0, 256),
                (-5, 7),
                (0, 65535),
                (0, 65536),
                (0, 65537),
                (-1000, 1_000_003),
                (0, 2**31 - 1),
                (-(2**31), 2**31 - 1),
                (3, 4),
                (5, 5),
                (5, 2),
            ]
        ],
        "bernoulli": [
            {"p": p, "value": same(bernoulli(RAW, p, (16,)), jax.random.bernoulli(KEY, p, (16,)))}
            for p in (0.0, 0.1, 0.5, 0.9, 1.0)
        ],
        "gumbel32": close(gumbel(RAW, (2, 8)), jax.random.gumbel(KEY, (2, 8)), 2e-6),
        "logits": LOGITS,
        "categorical": [
            {
                "shape": shape,
                "value": same(
                    categorical(RAW, LOGITS, shape),
                    jax.random.categorical(KEY, LOGITS, shape=shape),
                ),
            }
            for shape in ((2,), (10, 2))
        ],
        "permutation": [
            {"n": n, "value": same(permutation(RAW, n), jax.random.permutation(KEY, n))}
            for n in (1, 2, 10, 33)
        ],
    }
    # Longer than anyone wants to read in JSON; two rounds of sorting begin at n = 1626.
    same(permutation(RAW, 2000), jax.random.permutation(KEY, 2000))
    same(bits(RAW, (300, 41)), jax.random.bits(KEY, (300, 41)))

with jax.enable_x64(True):
    content |= {
        "seeds64": seeds([0, 42, 2**31, -1, 2**32 - 1, 2**32 + 7, 2**40 + 7, -(2**31)], x64=True),
        "bits64": [
            {"shape": shape, "value": [str(word) for word in np.ravel(value)]}
            for shape in ((), (2, 3))
            for value in [same(bits(RAW, shape, 64), jax.random.bits(KEY, shape, np.uint64))]
        ],
        "uniform64": [
            {
                "shape": (8,),
                "minval": low,
                "maxval": high,
                "value": same(
                    uniform(RAW, (8,), low, high, np.float64),
                    jax.random.uniform(KEY, (8,), np.float64, low, high),
                ),
            }
            for low, high in [(0, 1), (-1, 1)]
        ],
        "normal64": close(
            normal(RAW, (16,), np.float64), jax.random.normal(KEY, (16,), np.float64), 1e-13
        ),
    }

golden.write(__file__, "random.json", content, packages=["numpy", "scipy", "jax"])
