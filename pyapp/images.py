"""Pictures: encoded bytes → packed 8-bit pixels, by Pillow.  The engine calls `decode_image` (see engine.pyi).

`Image.open` warns or raises by a limit that is global to the process, and that others may have set.  So the plugins are
asked directly, and the size is checked against this app's own limit before a pixel is decoded.
"""

import ctypes
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import PIL
from PIL import (
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageFile,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from pyapp import engine

FORMATS = {
    "PNG": PngImagePlugin,
    "JPEG": JpegImagePlugin,
    "MPO": MpoImagePlugin,
    "GIF": GifImagePlugin,
    "BMP": BmpImagePlugin,
    "WEBP": WebPImagePlugin,
    "TIFF": TiffImagePlugin,
    "PPM": PpmImagePlugin,
    "JPEG2000": Jpeg2KImagePlugin,
}
"""What is taken → the plugin; importing it has registered its decoder in `Image.OPEN`.  MPO is some phones' JPEG."""

# Pillow decodes these in Python, slowly and with the GIL held; no camera and no scanner writes them.
_SLOW_CODECS = {"ppm", "ppm_plain", "bmp_rle"}
_SLOW_MAX_PIXELS = 250_000

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation → what undoes it."""


class PictureError(engine.InputError):
    """A picture that is refused; `status` is the HTTP status to answer with."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def silence_decoders() -> None:
    """Pillow remarks on odd metadata by warnings, libtiff on stderr: a client could fill the log with either."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
    # Pillow switches off libtiff's warnings, not its errors; those come back to us as exceptions all the same.
    for library in (Path(PIL.__file__).parents[1] / "pillow.libs").glob("libtiff-*.so*"):
        ctypes.CDLL(str(library)).TIFFSetErrorHandler(None)


def decode_image(encoded: bytes, useful_edge: int, max_pixels: int) -> tuple[bytes, int, int, int]:
    """`encoded` as (pixels, height, width, channels): packed rows of 1 grey, 2 grey + alpha, 3 RGB or 4 RGBA.

    Of an animation the first frame; turned upright by its EXIF orientation.  A JPEG may come smaller, by a whole
    factor, while both edges stay at least `useful_edge` pixels.  Raises PictureError, and nothing else: 415 for what is
    no picture, 413 for more than `max_pixels`, 422 for a picture that is broken.
    """
    try:
        picture = _open(encoded)
        _check_size(picture, max_pixels)
        if useful_edge > 0:
            picture.draft(None, (useful_edge, useful_edge))
        picture.load()
        upright = _eight_bit(_upright(picture))
        return upright.tobytes(), upright.height, upright.width, len(upright.getbands())
    except PictureError:
        raise
    except MemoryError:
        raise PictureError(503, "there is no memory left to decode this picture; try a smaller one") from None
    except Exception as error:  # a decoder fed with hostile bytes raises anything
        raise PictureError(422, f"the picture is broken or cut short ({str(error) or type(error).__name__})") from error


def _open(encoded: bytes) -> ImageFile.ImageFile:
    for name in FORMATS:
        factory, accept = Image.OPEN.get(name, (None, None))
        if factory is not None and accept is not None and accept(encoded[:16]) is True:
            return factory(BytesIO(encoded), "")
    raise PictureError(415, f"this is no picture in a format that is taken: {', '.join(FORMATS)}")


def _check_size(picture: ImageFile.ImageFile, max_pixels: int) -> None:
    width, height = picture.size
    if width < 1 or height < 1:
        raise PictureError(422, f"picture is {width} x {height} pixels; there is nothing in it")
    slow = any(tile[0] in _SLOW_CODECS for tile in picture.tile)
    limit = min(max_pixels, _SLOW_MAX_PIXELS) if slow else max_pixels
    if width * height > limit:
        form = f" in this form of {picture.format}" if limit < max_pixels else ""
        raise PictureError(413, f"picture is {width} x {height} pixels; at most {limit} are taken{form}")


def _upright(picture: Image.Image) -> Image.Image:
    try:
        turn = _UPRIGHT.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # broken metadata says nothing; the pixels are good
        turn = None
    return picture if turn is None else picture.transpose(turn)


def _eight_bit(picture: Image.Image) -> Image.Image:
    """The same picture as L, LA, RGB or RGBA."""
    mode = picture.mode
    if mode.startswith("I") or mode == "F":
        return _deep_grey(picture)
    if picture.has_transparency_data:
        return picture.convert("LA" if mode in ("1", "L", "LA", "La") else "RGBA")
    grey = mode in ("1", "L")
    return picture if mode in ("L", "RGB") else picture.convert("L" if grey else "RGB")


def _deep_grey(picture: Image.Image) -> Image.Image:
    """16- or 32-bit grey as L.  Its scale is 0 to 65535 (0 to 1 for floats), or what it holds if that is more."""
    grey = picture.convert("F")
    values = np.asarray(grey)
    if not np.isfinite(values).all():
        raise PictureError(422, "the picture holds values that are no finite numbers")
    low = min(0.0, float(values.min()))
    high = max(1.0 if picture.mode == "F" else 65535.0, float(values.max()))
    factor = 255 / (high - low)
    return grey.point(lambda value: value * factor + (0.5 - low * factor)).convert("L")
