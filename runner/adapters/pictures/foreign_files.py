"""What a file is that is no image that can be read, told by its first bytes or its suffix, and what to do with it."""

from __future__ import annotations

import re

NOT_AN_IMAGE = "not an image: the content is none of JPEG, PNG, BMP, WebP, TIFF"
_CONVERT = "convert it to JPEG or PNG"
_HEIC = "a HEIC photograph, which is not read: convert it to JPEG, for example with heif-convert"
_RAW = "a camera's raw file, which is not read: develop it to JPEG or TIFF"
_VIDEO = "a video, which is not read: extract its frames, for example with ffmpeg"
# What begins a file, and what it is then.
_STARTS: tuple[tuple[bytes, str], ...] = (
    (
        b"version https://git-lfs.github.com/spec/",
        "a Git LFS pointer, not the image itself: fetch the files with git lfs pull",
    ),
    (b"/annex/objects/", "a git-annex pointer, not the image itself: fetch the files with git annex get"),
    (b"outs:\n", "a DVC pointer, not the image itself: fetch the files with dvc pull"),
    (b"GIF8", f"a GIF, which is not read: {_CONVERT}"),
    (b"\x00\x00\x00\x0cjP  ", f"a JPEG 2000 image, which is not read: {_CONVERT}"),
    (b"\xff\x4f\xff\x51", f"a JPEG 2000 image, which is not read: {_CONVERT}"),
    (b"\x00\x00\x00\x0cJXL ", f"a JPEG XL image, which is not read: {_CONVERT}"),
    (b"\xff\x0a", f"a JPEG XL image, which is not read: {_CONVERT}"),
    (b"8BPS", f"a Photoshop document, which is not read: {_CONVERT}"),
    (b"v/1\x01", f"an OpenEXR image, which is not read: {_CONVERT}"),
    (b"#?RADIANCE", f"a Radiance HDR image, which is not read: {_CONVERT}"),
    (b"\x00\x00\x01\x00", f"an icon, which is not read: {_CONVERT}"),
    (b"II+\x00", f"a BigTIFF, which is not read: {_CONVERT}"),
    (b"MM\x00+", f"a BigTIFF, which is not read: {_CONVERT}"),
    (b"%PDF", f"a PDF, which is not read: {_CONVERT}"),
    (b"\x93NUMPY", f"a NumPy array, which is not read: {_CONVERT}"),
    (b"\x89HDF", f"an HDF5 file, which is not read: {_CONVERT}"),
    (b"SIMPLE  =", f"a FITS image, which is not read: {_CONVERT}"),
    (b"PK\x03\x04", "a ZIP archive, not an image: unpack it"),
    (b"\x1f\x8b", "a gzip archive, not an image: unpack it"),
    (b"\x1aE\xdf\xa3", _VIDEO),
)
# The brand of a file in ISO's base media format; what is not here is a video.
_BRANDS: dict[bytes, str] = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), _HEIC),
    **dict.fromkeys((b"avif", b"avis"), f"an AVIF image, which is not read: {_CONVERT}"),
    b"crx ": _RAW,
}
_PAGE = re.compile(rb"\s*<(?:!doctype html|html|head|body)", re.IGNORECASE)
_DRAWING = re.compile(
    rb"\s*(?:<\?xml[^>]*>)?\s*(?:<!--.*?-->\s*)?(?:<!doctype svg[^>]*>\s*)?<svg", re.IGNORECASE | re.DOTALL
)
_LOOKED_AT_BYTES = 512

FOREIGN_SUFFIXES: dict[str, str] = {
    ".heic": "HEIC",
    ".heif": "HEIC",
    ".avif": "AVIF",
    ".gif": "GIF",
    ".jp2": "JPEG 2000",
    ".j2k": "JPEG 2000",
    ".jxl": "JPEG XL",
    ".psd": "Photoshop",
    ".exr": "OpenEXR",
    ".hdr": "Radiance HDR",
    ".svg": "SVG",
    ".dcm": "DICOM",
    **dict.fromkeys((".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf"), "raw"),
    **dict.fromkeys((".ppm", ".pgm", ".pbm", ".pnm"), "PNM"),
    **dict.fromkeys((".mp4", ".mov", ".avi", ".mkv", ".webm"), "video"),
}
"""Suffixes of pictures that are not read, and what such files are called."""


def foreign_problem(data: bytes) -> str:
    """What a file is whose content is no image that is read, and what to do.

    >>> foreign_problem(b"GIF89a...")
    'a GIF, which is not read: convert it to JPEG or PNG'
    """
    head = data[:_LOOKED_AT_BYTES]
    for start, what in _STARTS:
        if head.startswith(start):
            return what
    if head[:4] == b"II*\x00" and head[8:10] == b"CR":
        return _RAW
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], _VIDEO)
    if head[128:132] == b"DICM":
        return f"a DICOM image, which is not read: {_CONVERT}"
    if _PAGE.match(head):
        return "a web page, not an image: the download failed, or needed a login"
    if _DRAWING.match(head):
        return f"an SVG drawing, which is not read: {_CONVERT}"
    if not any(head):
        return "only zero bytes, as an interrupted copy leaves them: fetch the file again"
    return NOT_AN_IMAGE
