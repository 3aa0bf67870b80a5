"""Damage to the bytes of a file, by a seed."""

import numpy as np

EXTREMES = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\x80", b"\x01\0\0\0")
MOST_FLIPS = 16
START = 256
"""Headers are there, and in an archive also at its end."""


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    """Return content with one to three kinds of damage."""
    for _ in range(rng.integers(1, 4)):
        content = DAMAGES[rng.integers(len(DAMAGES))](content, rng)
    return content


def choose_place(content: bytes, rng: np.random.Generator) -> int:
    """Return a place in the content: half of the time near its start or end."""
    length = len(content)
    near = min(START, length)
    return int(
        rng.choice(
            [
                rng.integers(0, length + 1),
                rng.integers(0, length + 1),
                rng.integers(0, near + 1),
                length - rng.integers(0, near + 1),
            ]
        )
    )


def flip(content: bytes, rng: np.random.Generator) -> bytes:
    """Change some bytes."""
    damaged = bytearray(content)
    for _ in range(rng.integers(1, MOST_FLIPS)):
        place = choose_place(content, rng)
        if place < len(damaged):
            damaged[place] = rng.integers(256)
    return bytes(damaged)


def truncate(content: bytes, rng: np.random.Generator) -> bytes:
    """Lose the end."""
    return content[: choose_place(content, rng)]


def behead(content: bytes, rng: np.random.Generator) -> bytes:
    """Lose the start."""
    return content[choose_place(content, rng) :]


def exaggerate(content: bytes, rng: np.random.Generator) -> bytes:
    """Put an extreme number of four bytes somewhere."""
    place = choose_place(content, rng)
    extreme = EXTREMES[rng.integers(len(EXTREMES))]
    return content[:place] + extreme + content[place + len(extreme) :]


def repeat(content: bytes, rng: np.random.Generator) -> bytes:
    """Say a part twice."""
    first, last = sorted((choose_place(content, rng), choose_place(content, rng)))
    return content[:last] + content[first:]


def insert(content: bytes, rng: np.random.Generator) -> bytes:
    """Put noise in between."""
    place = choose_place(content, rng)
    return content[:place] + rng.bytes(int(rng.integers(1, START))) + content[place:]


def alter_digits(content: bytes, rng: np.random.Generator) -> bytes:
    """Make a number in digits a longer one, as headers of arrays and tables have them."""
    places = [place for place, byte in enumerate(content[: 1 << 14]) if chr(byte).isdigit()]
    if not places:
        return content
    place = places[rng.integers(len(places))]
    return content[:place] + b"9" * int(rng.integers(1, 20)) + content[place:]


DAMAGES = (flip, truncate, behead, exaggerate, repeat, insert, alter_digits)
