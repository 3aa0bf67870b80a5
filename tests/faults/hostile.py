"""Files that were made to do harm: they declare, unpack or allocate much more than they are."""

import contextlib
import gzip
import io
import os
import pickle
import socket
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
from corpus import write_idx_folder
from forms import LABELED, make_set, write_npz, write_pictures
from PIL import Image

MIB = 1 << 20
GIB = 1 << 30

Write = Callable[[Path], Path]
"""Writes data below a folder and returns the path to load them from."""


# --------------------------------------------------------------------------------------- archives


def describe_array(shape: str, descr: str = "'|u1'") -> bytes:
    """Return the header of an array of any declared form."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def write_members(change: Callable[[zipfile.ZipFile], None], *without: str) -> Write:
    """Return what writes a good ``.npz`` without some arrays, and something beside the others."""

    def write(folder: Path) -> Path:
        arrays = dict(np.load(write_npz(folder / "own.npz", make_set())))
        np.savez(
            folder / "own.npz", **{name: arrays[name] for name in arrays if name not in without}
        )
        with zipfile.ZipFile(folder / "own.npz", "a", zipfile.ZIP_DEFLATED) as archive:
            change(archive)
        return folder / "own.npz"

    return write


def put(name: str, content: bytes) -> Callable[[zipfile.ZipFile], None]:
    """Return what puts a member into an archive."""
    return lambda archive: archive.writestr(name, content)


def put_zeros(name: str, start: bytes, size: int) -> Callable[[zipfile.ZipFile], None]:
    """Return what puts a member of many zeros into an archive, which packs them well."""

    def change(archive: zipfile.ZipFile) -> None:
        with archive.open(name, "w", force_zip64=True) as member:
            member.write(start)
            for _ in range(size // MIB):
                member.write(bytes(MIB))

    return change


def put_many(archive: zipfile.ZipFile) -> None:
    """Put many small members into an archive."""
    content = describe_array("(0,)")
    for number in range(5000):
        archive.writestr(f"more_{number}.npy", content)


def alter_archive(place: int, content: bytes) -> Write:
    """Return what writes a good ``.npz`` and alters every entry of its directory."""

    def write(folder: Path) -> Path:
        path = write_npz(folder / "own.npz", make_set())
        packed = bytearray(path.read_bytes())
        for mark, shift in ((b"PK\x01\x02", 2), (b"PK\x03\x04", 0)):
            start = packed.find(mark)
            while start >= 0:
                packed[start + place + shift : start + place + shift + len(content)] = content
                start = packed.find(mark, start + 4)
        path.write_bytes(packed)
        return path

    return write


def list_pickled_arrays() -> bytes:
    """Return an array of Python objects, as ``numpy.save`` writes it."""
    file = io.BytesIO()
    np.save(file, np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    return file.getvalue()


ARCHIVES: Mapping[str, Write] = {
    "an array that declares 10^12 images": write_members(
        put("x_train.npy", describe_array("(1000000000000, 16, 16)")), "x_train"
    ),
    "an array of a negative size": write_members(
        put("x_train.npy", describe_array("(-36, 16, 16)")), "x_train"
    ),
    "an array whose header is no header": write_members(
        put("x_train.npy", b"\x93NUMPY\x01\x00\x10\x00" + b"\xff" * 16), "x_train"
    ),
    "an array whose header is code": write_members(
        put("x_train.npy", describe_array("__import__('os').system('true')")), "x_train"
    ),
    "a header of four GiB": write_members(
        put_zeros("x_train.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff", 2 * GIB), "x_train"
    ),
    "items of two GiB": write_members(
        put("y_train.npy", describe_array("(36,)", "'|V2000000000'")), "y_train"
    ),
    "two GiB of labels": write_members(
        put_zeros("y_train.npy", describe_array("(2147483648,)"), 2 * GIB), "y_train"
    ),
    "labels of a hundred million classes": write_members(
        put_zeros("y_train.npy", describe_array("(36, 100000000)"), MIB), "y_train"
    ),
    "Python objects": write_members(put("y_train.npy", list_pickled_arrays()), "y_train"),
    "a member that is no array": write_members(put("y_train.npy", b"cat, dog, fox"), "y_train"),
    "five thousand members": write_members(put_many),
    "members of a method that nobody knows": alter_archive(8, b"\x63\x00"),
    "encrypted members": alter_archive(6, b"\x01\x00"),
}


# ---------------------------------------------------------------------------------------- pickles


def write_pickle(content: bytes | Callable[[], Iterator[bytes]]) -> Write:
    """Return what writes a pickle of the chapter's name."""

    def write(folder: Path) -> Path:
        path = folder / "mnist.pkl.gz"
        with gzip.open(path, "wb", compresslevel=1) as file:
            for part in content() if callable(content) else [content]:
                file.write(part)
        return path

    return write


def repeat_memo() -> bytes:
    """Return a pickle that makes a list of a thousand arrays of one string."""
    raw = b"\x80\x02X" + struct.pack("<I", 8 * MIB) + b"a" * (8 * MIB) + b"q\x010"
    decode = b"c_codecs\nencode\n"
    each = decode + b"h\x01X\x06\x00\x00\x00latin1\x86R"
    return raw + b"]" + b"".join(each + b"a" for _ in range(1000)) + b"."


def repeat_by(steps: bytes) -> bytes:
    """Return a pickle that makes a thousand strings of one that is not fetched itself."""
    raw = b"X" + struct.pack("<I", 8 * MIB) + b"a" * (8 * MIB)
    each = b"c_codecs\nencode\n" + steps + b"R0"
    return b"\x80\x02" + raw + b"\x85q\x01" + each * 1000 + b"."


def inflate_by_codec() -> bytes:
    """Return a pickle that doubles a string thirty times."""
    start = b"\x80\x02C\x10" + b"a" * 16
    for _ in range(30):
        start = b"\x80\x02c_codecs\nencode\n" + start.removeprefix(b"\x80\x02")
        start += b"X\x03\x00\x00\x00hex\x86R"
    return start + b"."


def bomb() -> Iterator[bytes]:
    """Yield two GiB of one string."""
    yield b"\x80\x04\x8e" + struct.pack("<Q", 2 * GIB)
    for _ in range(2 * 1024):
        yield bytes(MIB)
    yield b"."


class Harmful:
    """An object whose pickle wants to run a command."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("true",)


PICKLES: Mapping[str, Write] = {
    "a place in the memo far away (LONG_BINPUT)": write_pickle(b"\x80\x02]r\xff\xff\xff\x7f."),
    "a place in the memo far away, in digits": write_pickle(b"]p2147483647\n."),
    "one string for a thousand arrays": write_pickle(repeat_memo()),
    "one string in a tuple for a thousand arrays": write_pickle(repeat_by(b"h\x01")),
    "arrays of Python objects": write_pickle(
        pickle.dumps(
            tuple((np.full((2, 784), "a" * 10_000, object), np.arange(2)) for _ in range(3)), 2
        )
    ),
    "a codec that doubles, thirty times": write_pickle(inflate_by_codec()),
    "an array of 10^11 bytes and nothing in it": write_pickle(
        b"\x80\x02cnumpy\nndarray\n\x8a\x06" + (10**11).to_bytes(6, "little") + b"\x85\x85R."
    ),
    "a string that declares more than there is": write_pickle(
        b"\x80\x04\x8e" + struct.pack("<Q", 10**12) + b"short."
    ),
    "two GiB, packed": write_pickle(bomb),
    "a number of a hundred million digits": write_pickle(b"I" + b"9" * 100_000_000 + b"\n."),
    "a million lists in each other": write_pickle(
        b"\x80\x02" + b"]" * 10**6 + b"a" * 999_999 + b"."
    ),
    "a command": write_pickle(pickle.dumps(Harmful())),
    "other types": write_pickle(pickle.dumps(({1, 2}, {"a": 3}, None))),
    "strings for arrays": write_pickle(pickle.dumps((("a", "b"), ("c", "d"), ("e", "f")))),
}


# -------------------------------------------------------------------------------------------- IDX


def write_idx_header(name: str, header: bytes, zeros: int = 0) -> Write:
    """Return what writes IDX files of which one has another header, and zeros."""

    def write(folder: Path) -> Path:
        write_idx_folder(folder)
        for old in folder.glob(f"{name}*"):
            old.unlink()
        with gzip.open(folder / f"{name}.gz", "wb", compresslevel=1) as file:
            file.write(header)
            for _ in range(zeros // MIB):
                file.write(bytes(MIB))
        return folder

    return write


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
IDX: Mapping[str, Write] = {
    "255 axes": write_idx_header(LABELS, b"\0\0\x08\xff" + b"\0\0\0\x01" * 255),
    "no axis": write_idx_header(LABELS, b"\0\0\x08\0"),
    "10^19 images": write_idx_header(IMAGES, b"\0\0\x08\x03" + b"\xff" * 12),
    "six GiB of images that are not there": write_idx_header(
        IMAGES, b"\0\0\x08\x03" + struct.pack(">3I", 6 << 22, 16, 16)
    ),
    "no image": write_idx_header(IMAGES, b"\0\0\x08\x03" + struct.pack(">3I", 0, 16, 16)),
    "four GiB of labels of which two are there": write_idx_header(
        LABELS, b"\0\0\x08\x01" + b"\xff" * 4, 2 * GIB
    ),
    "labels with the axes of images": write_idx_header(
        LABELS, b"\0\0\x08\x03" + struct.pack(">3I", 1, 2, 2) + b"\0\1\2\0"
    ),
}


# ----------------------------------------------------------------------------------------- tables


def write_packed(name: str, *parts: bytes, times: int = 1) -> Write:
    """Return what writes a gzipped file of a start and a part that is repeated."""

    def write(folder: Path) -> Path:
        with gzip.open(folder / name, "wb", compresslevel=1) as file:
            file.write(parts[0])
            for _ in range(times):
                for part in parts[1:]:
                    file.write(part)
        return folder / name

    return write


def write_sparse(folder: Path) -> Path:
    """Write a table of twelve GiB of zeros that take no room."""
    path = folder / "own.csv"
    path.write_text("label,path\n")
    os.truncate(path, 12 * GIB)
    return path


def write_long_parquet(folder: Path) -> Path:
    """Write a table of a fifth of a billion equal rows."""
    table = pyarrow.table({"label": np.zeros(10**7, np.int8)})
    with pyarrow.parquet.ParquetWriter(folder / "own.parquet", table.schema) as writer:
        for _ in range(20):
            writer.write_table(table)
    return folder / "own.parquet"


def write_one_long_label(folder: Path) -> Path:
    """Write a table of a hundred thousand short labels and a long one."""
    rows = "cat,a.png\n" * 100_000
    (folder / "own.csv").write_text(f"label,path\n{rows}{'a' * 20_000},a.png\n")
    return folder / "own.csv"


def write_one_long_word(folder: Path) -> Path:
    """Write a Parquet table of one long word, many times, in a few hundred bytes."""
    words = pyarrow.DictionaryArray.from_arrays(np.zeros(400_000, np.int32), ["a" * 9000])
    pyarrow.parquet.write_table(pyarrow.table({"label": words}), folder / "own.parquet")
    return folder / "own.parquet"


TABLES: Mapping[str, Write] = {
    "one label of twenty thousand letters": write_one_long_label,
    "one word of Parquet in 400,000 rows": write_one_long_word,
    "one line without end": write_packed("own.csv.gz", b"label,path\n", b"a" * MIB, times=2048),
    "a header without end": write_packed("own.csv.gz", b"label,path", b",a" * MIB, times=1024),
    "a quote without end": write_packed("own.csv.gz", b'label,path\n"', b"a\n" * MIB, times=1024),
    "a billion rows, packed": write_packed("own.csv.gz", b"label\n", b"a\n" * MIB, times=1024),
    "twelve GiB of zeros": write_sparse,
    "two hundred million rows of Parquet": write_long_parquet,
    "a million columns": write_packed(
        "own.csv.gz",
        b"label" + b"".join(b",%d" % n for n in range(10**6)),
        b"\ncat" + b",1" * 10**6,
    ),
}


# --------------------------------------------------------------------------------------- pictures


def with_pictures(add: Callable[[Path], object]) -> Write:
    """Return what writes good pictures, and something else into the folder of a class."""

    def write(folder: Path) -> Path:
        write_pictures(folder, {part: make_set()[part] for part in LABELED})
        add(folder / "train" / "cat")
        return folder

    return write


def write_png(path: Path, width: int, height: int) -> None:
    """Write a grey picture of zeros whose rows are not in memory at once."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(bytes(width + 1)) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    path.write_bytes(start + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


def add_many_large(folder: Path) -> None:
    """Add pictures just below the largest size, with transparency."""
    for number in range(3):
        Image.new("RGBA", (7000, 7000), (0, 0, number, 100)).save(
            folder / f"large-{number}.png", compress_level=1
        )


def add_socket(folder: Path) -> None:
    """Add a socket whose name is that of a picture."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
            listener.bind("socket.png")
    finally:
        os.chdir(here)


PICTURES: Mapping[str, Write] = {
    "a PNG of 900 million pixels": with_pictures(
        lambda folder: write_png(folder / "bomb.png", 30_000, 30_000)
    ),
    "a PPM that declares 10^18 pixels": with_pictures(
        lambda folder: (folder / "bomb.ppm").write_bytes(b"P6 1000000000 1000000000 255\n")
    ),
    "a GIF of 65,535 rows and columns": with_pictures(
        lambda folder: (folder / "bomb.gif").write_bytes(
            b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + b",\0\0\0\0\xff\xff\xff\xff\0\x02\0;"
        )
    ),
    "a link to nothing": with_pictures(
        lambda folder: (folder / "link.png").symlink_to(folder / "gone.png")
    ),
    "a link to itself": with_pictures(
        lambda folder: (folder / "link.png").symlink_to(folder / "link.png")
    ),
}
LEFT_OUT: Mapping[str, Write] = {
    "a raw member of the name of an array": write_members(put_zeros("y_train", b"", 2 * GIB)),
    "a pipe": with_pictures(lambda folder: os.mkfifo(folder / "pipe.png")),
    "a device without end": with_pictures(
        lambda folder: (folder / "zero.png").symlink_to("/dev/zero")
    ),
    "a socket": with_pictures(add_socket),
    "a folder that links to its own folder": with_pictures(
        lambda folder: (folder / "again").symlink_to(folder, target_is_directory=True)
    ),
    "three pictures of 49 million pixels": with_pictures(add_many_large),
}


# ------------------------------------------------------------------------------------------ paths


def name_path(make: Callable[[Path], object]) -> Write:
    """Return what names a path that is no data."""
    return lambda folder: Path(str(make(folder)))


def make_pipe(folder: Path) -> Path:
    """Make a pipe of the name of data."""
    os.mkfifo(folder / "own.npz")
    return folder / "own.npz"


def make_idx_pipe(folder: Path) -> Path:
    """Make a pipe of the name of an IDX file among good ones."""
    write_idx_folder(folder)
    (folder / LABELS).unlink()
    os.mkfifo(folder / LABELS)
    return folder


def make_loop(folder: Path) -> Path:
    """Make a link to itself."""
    (folder / "loop").symlink_to(folder / "loop")
    return folder / "loop"


PATHS: Mapping[str, Write] = {
    "a zero byte": name_path(lambda folder: f"{folder}/a\0b"),
    "a thousand letters": name_path(lambda folder: folder / ("a" * 1000)),
    "a line end and an escape sequence": name_path(lambda folder: f"{folder}/a\n\x1b[2Jb"),
    "a link to itself": name_path(make_loop),
    "a pipe": name_path(make_pipe),
    "a pipe among IDX files": make_idx_pipe,
    "a device": name_path(lambda _: "/dev/zero"),
}

KINDS: Mapping[str, Mapping[str, Write]] = {
    ".npz": ARCHIVES,
    "the chapter's pickle": PICKLES,
    "IDX files": IDX,
    "tables": TABLES,
    "pictures": PICTURES,
    "paths": PATHS,
}
LARGE = frozenset(
    {
        "a header of four GiB",
        "two GiB of labels",
        "a raw member of the name of an array",
        "two GiB, packed",
        "a number of a hundred million digits",
        "four GiB of labels of which two are there",
        "one line without end",
        "a header without end",
        "a quote without end",
        "a billion rows, packed",
        "twelve GiB of zeros",
        "a million columns",
        "three pictures of 49 million pixels",
    }
)
"""What takes long to write or to refuse."""
