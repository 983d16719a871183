"""Pictures from somebody else, drawn anew: what leaves here is pixels, in a file that this program wrote."""

from __future__ import annotations

import io
import warnings

from runner.domain.errors import ExitCode, FlywheelError, Where

MAX_PIXELS = 24_000_000
MAX_SIDE = 1600
_QUALITY = 85


def jpeg_again(content: bytes, name: str) -> bytes:
    """A JPEG as a JPEG of at most 1600 pixels a side, without metadata, comments or anything appended.

    Args:
        name: for messages.

    Raises:
        FlywheelError: it is no JPEG, is broken, or would unpack to more than 24 million pixels (exit code 5).
    """
    from PIL import Image
    from PIL.JpegImagePlugin import JpegImageFile

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of metadata that is thrown away; the size is compared here
        try:
            # Not `Image.open`: Ultralytics, once imported, puts another one in its place that looks for plugins.
            with JpegImageFile(io.BytesIO(content)) as picture:
                width, height = picture.size
                if not 0 < width * height <= MAX_PIXELS:
                    raise _refused(name, f"{width} × {height} pixels: {MAX_PIXELS:,} are accepted")
                drawn = picture.convert("RGB")
        except (OSError, ValueError, SyntaxError) as error:
            raise _refused(name, "not a JPEG picture that can be read") from error
    drawn.thumbnail((MAX_SIDE, MAX_SIDE))
    written = io.BytesIO()
    # A picture of bare pixels: `save` would otherwise carry over what it found in the file.
    clean = Image.frombytes("RGB", drawn.size, drawn.tobytes())
    clean.save(written, format="JPEG", quality=_QUALITY, optimize=True)
    return written.getvalue()


def _refused(name: str, why: str) -> FlywheelError:
    return FlywheelError(why, where=Where(name), exit_code=ExitCode.PUBLISH_FAILED)
