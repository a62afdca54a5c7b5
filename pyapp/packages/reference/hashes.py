"""The frameworks' hashes, written out in Python: MurmurHash3 (32 bits), SipHash-2-4, FarmHash's Fingerprint64."""

from collections.abc import Callable, Sequence

_32, _64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


def _rotate_left(x: int, bits: int, width: int) -> int:
    return ((x << bits) | (x >> (width - bits))) & ((1 << width) - 1)


def murmurhash3(data: bytes, seed: int = 0) -> int:
    """x86, 32 bits, signed, as scikit-learn's HashingVectorizer takes it."""
    h = seed
    for start in range(0, len(data), 4):
        piece = data[start : start + 4]
        k = int.from_bytes(piece, "little") * 0xCC9E2D51 & _32
        h ^= _rotate_left(k, 15, 32) * 0x1B873593 & _32
        if len(piece) == 4:
            h = (_rotate_left(h, 13, 32) * 5 + 0xE6546B64) & _32
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & _32
    h = (h ^ h >> 13) * 0xC2B2AE35 & _32
    h ^= h >> 16
    return h - (1 << 32) if h >> 31 else h


def siphash(data: bytes, key: Sequence[int]) -> int:
    """SipHash-2-4 with a key of two numbers of 64 bits."""
    constants = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    v = [constant ^ (key[i % 2] & _64) for i, constant in enumerate(constants)]

    def rounds(count: int) -> None:
        for _ in range(count):
            v[0] = (v[0] + v[1]) & _64
            v[1] = _rotate_left(v[1], 13, 64) ^ v[0]
            v[0] = _rotate_left(v[0], 32, 64)
            v[2] = (v[2] + v[3]) & _64
            v[3] = _rotate_left(v[3], 16, 64) ^ v[2]
            v[0] = (v[0] + v[3]) & _64
            v[3] = _rotate_left(v[3], 21, 64) ^ v[0]
            v[2] = (v[2] + v[1]) & _64
            v[1] = _rotate_left(v[1], 17, 64) ^ v[2]
            v[2] = _rotate_left(v[2], 32, 64)

    whole = len(data) // 8 * 8
    words = [int.from_bytes(data[i : i + 8], "little") for i in range(0, whole, 8)]
    for word in [*words, int.from_bytes(data[whole:], "little") | (len(data) & 0xFF) << 56]:
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def _rotate(x: int, bits: int) -> int:
    return ((x >> bits) | (x << (64 - bits))) & _64


def _mixed(x: int) -> int:
    return x ^ x >> 47


def _pair(u: int, v: int, multiplier: int) -> int:
    a = _mixed((u ^ v) * multiplier & _64)
    return _mixed((v ^ a) * multiplier & _64) * multiplier & _64


def farmhash64(data: bytes) -> int:
    """FarmHash's Fingerprint64, which TensorFlow's to_hash_bucket_fast takes."""
    n = len(data)

    def word(at: int, size: int = 8) -> int:
        at += n if at < 0 else 0
        return int.from_bytes(data[at : at + size], "little")

    multiplier = (_K2 + n * 2) & _64
    if n <= 16:
        if n >= 8:
            a, b = (word(0) + _K2) & _64, word(-8)
            c, d = (_rotate(b, 37) * multiplier + a) & _64, (_rotate(a, 25) + b) * multiplier & _64
            return _pair(c, d, multiplier)
        if n >= 4:
            return _pair((n + (word(0, 4) << 3)) & _64, word(-4, 4), multiplier)
        if n > 0:
            y, z = data[0] + (data[n >> 1] << 8), n + (data[-1] << 2)
            return _mixed((y * _K2 & _64) ^ (z * _K0 & _64)) * _K2 & _64
        return _K2
    if n <= 32:
        a, b = word(0) * _K1 & _64, word(8)
        c, d = word(-8) * multiplier & _64, word(-16) * _K2 & _64
        return _pair(
            (_rotate((a + b) & _64, 43) + _rotate(c, 30) + d) & _64,
            (a + _rotate((b + _K2) & _64, 18) + c) & _64,
            multiplier,
        )
    if n <= 64:
        a, b = word(0) * _K2 & _64, word(8)
        c, d = word(-8) * multiplier & _64, word(-16) * _K2 & _64
        y = (_rotate((a + b) & _64, 43) + _rotate(c, 30) + d) & _64
        z = _pair(y, (a + _rotate((b + _K2) & _64, 18) + c) & _64, multiplier)
        e, f = word(16) * multiplier & _64, word(24)
        g, h = (y + word(-32)) * multiplier & _64, (z + word(-24)) * multiplier & _64
        return _pair(
            (_rotate((e + f) & _64, 43) + _rotate(g, 30) + h) & _64,
            (e + _rotate((f + a) & _64, 18) + g) & _64,
            multiplier,
        )
    return _farmhash_long(data, word)


def _farmhash_long(data: bytes, word: Callable[[int], int]) -> int:
    def weak(at: int, a: int, b: int) -> tuple[int, int]:
        w, x, y, z = word(at), word(at + 8), word(at + 16), word(at + 24)
        a = (a + w) & _64
        b = _rotate((b + a + z) & _64, 21)
        c = a
        a = (a + x + y) & _64
        b = (b + _rotate(a, 44)) & _64
        return (a + z) & _64, (b + c) & _64

    n, seed = len(data), 81
    x, y = seed, (seed * _K1 + 113) & _64
    z = _mixed((y * _K2 + 113) & _64) * _K2 & _64
    v, w = (0, 0), (0, 0)
    x = (x * _K2 + word(0)) & _64
    end = (n - 1) // 64 * 64
    for at in range(0, end, 64):
        x = _rotate((x + y + v[0] + word(at + 8)) & _64, 37) * _K1 & _64
        y = _rotate((y + v[1] + word(at + 48)) & _64, 42) * _K1 & _64
        x ^= w[1]
        y = (y + v[0] + word(at + 40)) & _64
        z = _rotate((z + w[0]) & _64, 33) * _K1 & _64
        v = weak(at, v[1] * _K1 & _64, (x + w[0]) & _64)
        w = weak(at + 32, (z + w[1]) & _64, (y + word(at + 16)) & _64)
        z, x = x, z
    multiplier = (_K1 + ((z & 0xFF) << 1)) & _64
    at = n - 64
    w = ((w[0] + ((n - 1) & 63)) & _64, w[1])
    v = ((v[0] + w[0]) & _64, v[1])
    w = ((w[0] + v[0]) & _64, w[1])
    x = _rotate((x + y + v[0] + word(at + 8)) & _64, 37) * multiplier & _64
    y = _rotate((y + v[1] + word(at + 48)) & _64, 42) * multiplier & _64
    x ^= w[1] * 9 & _64
    y = (y + v[0] * 9 + word(at + 40)) & _64
    z = _rotate((z + w[0]) & _64, 33) * multiplier & _64
    v = weak(at, v[1] * multiplier & _64, (x + w[0]) & _64)
    w = weak(at + 32, (z + w[1]) & _64, (y + word(at + 16)) & _64)
    z, x = x, z
    return _pair(
        (_pair(v[0], w[0], multiplier) + _mixed(y) * _K0 + z) & _64,
        (_pair(v[1], w[1], multiplier) + x) & _64,
        multiplier,
    )
