"""The random streams of docs/statistics.md: eight xoroshiro128++ a resample, seeded by SplitMix64."""

import numpy as np

SEED = 20240117
RESAMPLES = 10000
U64 = (1 << 64) - 1


def mix(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & U64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & U64
    return z ^ (z >> 31)


def rotl(x, k):
    return ((x << np.uint64(k)) | (x >> np.uint64(64 - k)))


class Streams:
    """The streams of resamples 0 .. count − 1, side by side; a step gives count × 8 words."""

    def __init__(self, seed, count):
        gamma = 0x9E3779B97F4A7C15
        keys = [mix(mix(seed) ^ (r * gamma & U64)) for r in range(count)]
        words = [[mix((key + gamma * (i + 1)) & U64) for i in range(16)] for key in keys]
        words = np.array(words, dtype=np.uint64)
        self.s0, self.s1 = words[:, :8].copy(), words[:, 8:].copy()

    def step(self):
        s0, s1 = self.s0, self.s1
        out = rotl(s0 + s1, 17) + s0
        s1 = s1 ^ s0
        self.s0 = rotl(s0, 49) ^ s1 ^ (s1 << np.uint64(21))
        self.s1 = rotl(s1, 28)
        return out

    def below(self, n, draws):
        """count × draws whole numbers in [0, n)."""
        columns = []
        while len(columns) < draws:
            words = self.step()
            for lane in range(8):
                for half in (0, 32):
                    columns.append((words[:, lane] >> np.uint64(half)) & np.uint64(0xFFFFFFFF))
        drawn = np.stack(columns[:draws], axis=1)
        return ((drawn * np.uint64(n)) >> np.uint64(32)).astype(np.int64)

    def kept(self, n):
        """count × n booleans: which values keep their sign."""
        kept = []
        while len(kept) < n:
            words = self.step()
            draws = [(words[:, i // 2] >> np.uint64(32 * (i % 2))) & np.uint64(0xFFFFFFFF) for i in range(16)]
            kept += [(draws[i] >> np.uint64(31 - row)) & np.uint64(1) for row in range(32) for i in range(16)]
        return np.stack(kept[:n], axis=1).astype(bool)
