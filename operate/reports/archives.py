"""What an attachment holds: a report as it is, or in a gzip (RFC 1952) or zip archive, as far as it has a sane size.

Names and media types are often wrong, so it is the first bytes that tell.
"""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator

PACKED = 10_000_000
"""Bytes that an attachment may have; the largest reports of the largest receivers stay below."""
UNPACKED = 50_000_000
"""Bytes that all files of one attachment may have together."""
FILES = 10
"""Files that a zip archive may hold."""
MEMBERS = 100
"""Of a gzip archive; a bomb of empty ones takes minutes."""

GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
EMPTY_ZIP = b"PK\x05\x06"
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Ways to compress that any program reads. Those that came later may ask for gigabytes of memory."""
MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
"""Byte order marks of UTF-8 and UTF-16."""


class RefusedError(ValueError):
    """What was sent is not taken for a report; the text says why."""


def is_archive(data: bytes) -> bool:
    """Whether these are the first bytes of an archive."""
    return data.startswith((GZIP, ZIP, EMPTY_ZIP))


def is_xml(data: bytes) -> bool:
    """Whether a text can be XML."""
    return _beginning(data).startswith(b"<")


def is_json(data: bytes) -> bool:
    """Whether a text can be a JSON object."""
    return _beginning(data).startswith(b"{")


def _beginning(data: bytes) -> bytes:
    """The first characters, without what UTF-16 puts between them."""
    beginning = data[:200]
    for mark in MARKS:
        beginning = beginning.removeprefix(mark)
    return beginning.replace(b"\0", b"").lstrip()


def unpack(data: bytes) -> Iterator[bytes]:
    """The texts in an attachment. Raises RefusedError."""
    if len(data) > PACKED:
        raise RefusedError(f"has {len(data)} bytes; more than {PACKED} are not read")
    if data.startswith(GZIP):
        yield _gunzipped(data)
    elif data.startswith((ZIP, EMPTY_ZIP)):
        yield from _unzipped(data)
    else:
        yield data


def _gunzipped(data: bytes) -> bytes:
    found = bytearray()
    members = 0
    # An archive may have several members one after the other (RFC 1952, section 2.2); zeros may fill its end.
    while data.startswith(GZIP):
        members += 1
        if members > MEMBERS:
            raise RefusedError(f"is a gzip archive of more than {MEMBERS} members")
        stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            found += stream.decompress(data, UNPACKED + 1 - len(found))
        except zlib.error as error:
            raise RefusedError(f"is a broken gzip archive ({error})") from None
        _within(len(found))
        if not stream.eof:
            raise RefusedError("is a gzip archive without its end")
        data = stream.unused_data
    return bytes(found)


def _unzipped(data: bytes) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = [file for file in archive.infolist() if _counts(file)]
            if not files:
                raise RefusedError("is an empty zip archive")
            if len(files) > FILES:
                raise RefusedError(f"holds {len(files)} files; more than {FILES} are not read")
            total = 0
            for file in files:
                if file.flag_bits & 1:
                    raise RefusedError("is a zip archive with a password")
                if file.compress_type not in METHODS:
                    raise RefusedError("is a zip archive that is compressed in another way than the usual one")
                # What the archive says of its sizes may be a lie, so it is what comes out that is counted.
                with archive.open(file) as stream:
                    text = stream.read(UNPACKED + 1 - total)
                total += len(text)
                _within(total)
                yield text
    except RefusedError:
        raise
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError, struct.error) as error:
        raise RefusedError(f"is a broken zip archive ({error!s:.100})") from None


def _counts(file: zipfile.ZipInfo) -> bool:
    """Whether a file is no folder, and not what macOS adds to archives."""
    # Where a file is to lie does not matter, as it is only read: ./ and ../ hide nothing.
    return not re.match(r"__MACOSX/|(.*[/\\])?(\.(?!\.?[/\\])|$)", file.filename)


def _within(length: int) -> None:
    if length > UNPACKED:
        raise RefusedError(f"unpacks to more than {UNPACKED} bytes")
