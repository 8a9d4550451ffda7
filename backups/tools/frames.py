"""The outline of a zstd stream (RFC 8878): is it one whole frame, with its checksum, and nothing behind it?

zstd's readers end quietly when a stream is cut off, and a frame without a checksum hides flipped bytes. This walks
from block header to block header (one step for each 128 KiB of data) and knows.
"""

from __future__ import annotations

MAGIC = b"\x28\xb5\x2f\xfd"
_START = 5  # magic and descriptor, which says how long the rest of the frame header is
_BLOCK_HEADER = 3
_CHECKSUM_BYTES = 4
_CHECKSUM_FLAG, _SINGLE_SEGMENT_FLAG = 0x04, 0x20
_RLE_BLOCK, _RESERVED_BLOCK = 1, 3


class FrameError(ValueError):
    """The stream is not one whole frame; the text says how."""


class FrameWalker:
    """Give it every byte with ``feed``, in pieces of any size, then call ``finish``."""

    def __init__(self) -> None:
        self._held = bytearray()  # of the header that is due
        self._need = _START
        self._skip = 0  # bytes of a block's body still to come
        self._in_blocks = self._last_block = self._over = False

    def feed(self, data: bytes) -> None:
        """Raises ``FrameError`` as soon as it shows."""
        at = 0
        while at < len(data):
            if self._over:
                raise FrameError("there are bytes behind its end")
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                self._over = self._last_block and not self._skip
            else:
                step = min(self._need - len(self._held), len(data) - at)
                self._held += data[at : at + step]
                if len(self._held) == self._need:
                    self._take_header()
            at += step

    def finish(self) -> None:
        """Raises ``FrameError`` when the frame has not ended."""
        if not self._over:
            raise FrameError("it ends too early")

    def _take_header(self) -> None:
        if self._in_blocks:
            self._take_block_header()
        elif self._need == _START:
            self._need += self._rest_of_frame_header()
            if self._need > _START:
                return
        self._in_blocks = True
        self._need = _BLOCK_HEADER
        self._held.clear()

    def _rest_of_frame_header(self) -> int:
        """How many bytes follow the descriptor: window, dictionary id, content size."""
        if bytes(self._held[:4]) != MAGIC:
            raise FrameError("it does not begin as zstd does")
        descriptor = self._held[4]
        if not descriptor & _CHECKSUM_FLAG:
            raise FrameError("it has no checksum")
        single_segment = bool(descriptor & _SINGLE_SEGMENT_FLAG)
        content_size = (int(single_segment), 2, 4, 8)[descriptor >> 6]
        return int(not single_segment) + (0, 1, 2, 4)[descriptor & 3] + content_size

    def _take_block_header(self) -> None:
        header = int.from_bytes(self._held, "little")
        kind, size = (header >> 1) & 3, header >> 3
        if kind == _RESERVED_BLOCK:
            raise FrameError("a block header makes no sense")
        self._last_block = bool(header & 1)
        self._skip = (1 if kind == _RLE_BLOCK else size) + (_CHECKSUM_BYTES if self._last_block else 0)
