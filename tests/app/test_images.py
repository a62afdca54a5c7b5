import os
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pyapp import engine, images
from pyapp.images import FORMATS, PictureError, decode_image

Encode = Callable[..., bytes]
PICTURES = Path(__file__).resolve().parents[3] / "shared" / "data" / "data" / "pictures"
LIMIT = 32_000_000


@pytest.fixture(autouse=True)
def _quiet_and_strict() -> None:
    warnings.simplefilter("error")
    images.silence_decoders()


def decoded(encoded: bytes, useful_edge: int = 0, max_pixels: int = LIMIT) -> np.ndarray:
    pixels, height, width, channels = decode_image(encoded, useful_edge, max_pixels)
    assert isinstance(pixels, bytes)
    assert len(pixels) == height * width * channels
    return np.frombuffer(pixels, np.uint8).reshape(height, width, channels)


def refused(encoded: bytes, max_pixels: int = LIMIT) -> PictureError:
    with pytest.raises(engine.InputError) as caught:
        decode_image(encoded, 0, max_pixels)
    assert isinstance(caught.value, PictureError)
    return caught.value


def outcome(encoded: bytes, max_pixels: int = LIMIT) -> int:
    """The HTTP status that this would end in."""
    try:
        decoded(encoded, max_pixels=max_pixels)
    except PictureError as error:
        return error.status
    return 200


def saved(picture: Image.Image, format_: str = "PNG", **options: object) -> bytes:
    encoded = BytesIO()
    picture.save(encoded, format_, **options)
    return encoded.getvalue()


# What every kind of picture must decode to: dark (40) on the left, light (200) on the right.
HALVES = np.array([[40, 200]] * 2, np.uint8)


@pytest.mark.parametrize(
    ("format_", "mode", "channels"),
    [
        ("PNG", "L", 1),
        ("PNG", "LA", 2),
        ("PNG", "RGB", 3),
        ("PNG", "RGBA", 4),
        ("PNG", "P", 3),
        ("PNG", "I;16", 1),
        ("GIF", "L", 3),
        ("GIF", "P", 3),
        ("BMP", "L", 1),
        ("BMP", "RGB", 3),
        ("BMP", "P", 1),
        ("WEBP", "RGB", 3),
        ("TIFF", "L", 1),
        ("TIFF", "LA", 2),
        ("TIFF", "RGB", 3),
        ("TIFF", "RGBA", 4),
        ("TIFF", "CMYK", 3),
        ("TIFF", "YCbCr", 3),
        ("TIFF", "LAB", 3),
        ("TIFF", "P", 3),
        ("TIFF", "I;16", 1),
        ("TIFF", "I", 1),
        ("TIFF", "F", 1),
        ("PPM", "L", 1),
        ("PPM", "RGB", 3),
        ("PPM", "I;16", 1),
        ("JPEG2000", "L", 1),
        ("JPEG2000", "RGB", 3),
        ("JPEG2000", "RGBA", 4),
        ("JPEG", "L", 1),
        ("JPEG", "RGB", 3),
        ("JPEG", "CMYK", 3),
    ],
)
def test_every_format_and_mode(format_: str, mode: str, channels: int) -> None:
    halves = Image.fromarray(HALVES.repeat(16, 0).repeat(16, 1))
    if mode == "I;16":
        halves = Image.fromarray(np.asarray(halves, np.uint16) * 257)
    elif mode == "I":
        halves = Image.fromarray(np.asarray(halves, np.int32) * 257)
    elif mode == "F":
        halves = Image.fromarray(np.asarray(halves, np.float32) / 255)
    elif mode in ("LAB", "YCbCr", "CMYK"):
        halves = halves.convert("RGB").convert(mode)
    else:
        halves = halves.convert(mode)
    assert halves.mode == mode
    lossless = {"lossless": True} if format_ == "WEBP" else {}
    pixels = decoded(saved(halves, format_, **lossless))
    assert pixels.shape == (32, 32, channels)
    grey = pixels[:, :, : 1 if channels < 3 else 3].mean(axis=2)
    assert np.abs(grey[:, :12] - 40).max() <= 6
    assert np.abs(grey[:, -12:] - 200).max() <= 6
    if channels in (2, 4):
        assert (pixels[:, :, -1] == 255).all()


def test_one_bit() -> None:
    checks = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).convert("1")
    for format_ in ("PNG", "TIFF", "BMP", "PPM"):
        assert decoded(saved(checks, format_))[:, :, 0].tolist() == [[0, 255], [255, 0]], format_


def test_transparency_of_every_kind_becomes_alpha() -> None:
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putpixel((1, 0), 1)
    assert decoded(saved(palette, transparency=1)).tolist() == [[[10, 20, 30, 255], [40, 50, 60, 0]]]
    assert decoded(saved(palette, transparency=b"\x80\xff")).tolist() == [[[10, 20, 30, 128], [40, 50, 60, 255]]]
    grey = Image.fromarray(np.array([[7, 8]], np.uint8))
    assert decoded(saved(grey, transparency=7)).tolist() == [[[7, 0], [8, 255]]]
    colour = grey.convert("RGB")
    assert decoded(saved(colour, transparency=(8, 8, 8))).tolist() == [[[7, 7, 7, 255], [8, 8, 8, 0]]]


def test_sixteen_bits_are_scaled_not_cut() -> None:
    deep = Image.fromarray(np.array([[0, 128, 256, 32768, 65535]], np.uint16))
    for format_ in ("PNG", "TIFF", "PPM"):
        assert decoded(saved(deep, format_))[0, :, 0].tolist() == [0, 0, 1, 128, 255], format_


def test_numbers_of_no_known_scale_span_what_they_hold() -> None:
    floats = Image.fromarray(np.array([[-10.0, 0.0, 10.0]], np.float32))
    assert decoded(saved(floats, "TIFF"))[0, :, 0].tolist() == [0, 128, 255]
    whole = Image.fromarray(np.array([[0, 1 << 20]], np.int32))
    assert decoded(saved(whole, "TIFF"))[0, :, 0].tolist() == [0, 255]
    for odd in (np.nan, np.inf):
        error = refused(saved(Image.fromarray(np.array([[0.5, odd]], np.float32)), "TIFF"))
        assert error.status == 422


@pytest.mark.parametrize("format_", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_frame(format_: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if format_ == "WEBP" else {}
    pixels = decoded(saved(frames[0], format_, save_all=True, append_images=frames[1:], **options))
    assert pixels[4, 4, :3].tolist() == [255, 0, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_turned_upright(orientation: int, format_: str) -> None:
    upright = np.zeros((32, 48), np.uint8)
    upright[:8, :8] = 255  # a light corner at the top left
    turns: list[Callable[[np.ndarray], np.ndarray]] = [
        lambda a: a,
        np.fliplr,
        lambda a: np.rot90(a, 2),
        np.flipud,
        lambda a: a.T,
        lambda a: np.rot90(a, 1),
        lambda a: np.rot90(a, 2).T,
        lambda a: np.rot90(a, -1),
    ]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(turns[orientation - 1](upright))).convert("RGB")
    pixels = decoded(saved(stored, format_, exif=exif))
    assert pixels.shape[:2] == (32, 48)
    assert np.abs(pixels[:, :, 0].astype(int) - upright).max() < 60


def test_broken_metadata_is_no_reason_to_refuse_a_picture() -> None:
    picture = Image.new("RGB", (8, 8), "red")
    for exif in (b"Exif\x00\x00garbage", b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff" + os.urandom(64)):
        assert decoded(saved(picture, "JPEG", exif=exif)).shape == (8, 8, 3)


def test_a_large_jpeg_comes_smaller_but_never_below_the_useful_edge() -> None:
    large = saved(Image.new("L", (1000, 640), 128), "JPEG")
    assert decoded(large, 0).shape == (640, 1000, 1)
    assert decoded(large, 28).shape == (80, 125, 1)
    assert decoded(large, 80).shape == (80, 125, 1)
    assert decoded(large, 81).shape == (160, 250, 1)
    assert decoded(large, 641).shape == (640, 1000, 1)


@pytest.mark.parametrize("side", [9000, 14000, 20000])
def test_a_bomb_is_told_by_its_size(side: int, png: Encode) -> None:
    # Beyond 9,459 and 13,378 pixels square Pillow itself would warn or raise, in words of its own.
    error = refused(png(side, side, bytes(1000)))
    assert error.status == 413
    assert str(error) == f"picture is {side} x {side} pixels; at most {LIMIT} are taken"


def test_the_limit_itself_is_taken(encode: Encode) -> None:
    assert decoded(encode(size=(20, 10)), max_pixels=200).shape == (10, 20, 1)
    assert refused(encode(size=(20, 10)), max_pixels=199).status == 413


def test_pillows_own_limit_is_neither_used_nor_changed(encode: Encode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4)
    assert decoded(encode(size=(20, 10))).shape == (10, 20, 1)
    assert Image.MAX_IMAGE_PIXELS == 4


def test_forms_that_pillow_decodes_slowly_must_be_small() -> None:
    assert decoded(b"P2 3 1 255\n0 128 255\n").tolist() == [[[0], [128], [255]]]
    error = refused(b"P2 1000 1000 255\n" + b"0 " * 1_000_000)
    assert error.status == 413
    assert "1000 x 1000" in str(error)


@pytest.mark.parametrize(
    "bytes_",
    [b"", b"P", b"hello, I am a text file", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"\0" * 100],
)
def test_what_is_no_picture_is_answered_with_the_formats_taken(bytes_: bytes) -> None:
    error = refused(bytes_)
    assert error.status == 415
    assert all(name in str(error) for name in FORMATS)


@pytest.mark.parametrize("other", ["ICO", "TGA", "PCX", "PDF", "DDS", "SGI", "EPS", "ICNS"])
def test_formats_that_are_not_taken(other: str) -> None:
    assert refused(saved(Image.new("RGB", (32, 32)), other)).status == 415


@pytest.mark.parametrize("format_", list(FORMATS))
def test_a_picture_cut_anywhere_is_refused_or_whole(format_: str) -> None:
    if format_ == "MPO":
        whole = saved(Image.effect_noise((24, 24), 80), "MPO", save_all=True, append_images=[Image.new("L", (24, 24))])
    else:
        whole = saved(Image.effect_noise((24, 24), 80), format_)
    refusals = 0
    for end in range(0, len(whole), max(1, len(whole) // 200)):
        status = outcome(whole[:end])
        assert status in (200, 415, 422), end
        refusals += status != 200
    assert refusals > 20


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "JPEG2000"])
def test_a_damaged_picture_never_raises_anything_else(format_: str, capfd: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(len(format_))
    options = {"compression": "tiff_lzw"} if format_ == "TIFF" else {}
    whole = np.frombuffer(saved(Image.effect_noise((24, 24), 80), format_, **options), np.uint8)
    for _ in range(300):
        damaged = whole.copy()
        damaged[random.integers(0, len(damaged), 4)] = random.integers(0, 256, 4)
        assert outcome(damaged.tobytes(), max_pixels=1_000_000) in (200, 413, 415, 422)
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("", "")


def test_a_size_of_nothing(png: Encode) -> None:
    assert refused(png(0, 5)).status == 422


@pytest.mark.skipif(not PICTURES.is_dir(), reason="the shared pictures are not here")
def test_real_pictures() -> None:
    taken = 0
    for path in sorted(PICTURES.glob("*.*")):
        expected = path.with_name(path.name + ".28x28.bilinear.npy")
        if not expected.exists():
            continue
        pixels = decoded(path.read_bytes())
        picture = Image.fromarray(pixels.squeeze()) if pixels.shape[2] != 2 else None
        assert picture is not None
        small = np.asarray(picture.convert("L").resize((28, 28), Image.Resampling.BILINEAR))
        want = np.load(expected)
        if "orientation_3" in path.name:
            want = np.rot90(want, 2)  # the expectation is of the picture as stored
        assert np.abs(small.astype(int) - want).max() <= 1, path.name
        taken += 1
    assert taken >= 10


@pytest.mark.skipif(not PICTURES.is_dir(), reason="the shared pictures are not here")
def test_the_real_broken_picture() -> None:
    error = refused((PICTURES / "broken.png").read_bytes())
    assert error.status == 422
    assert "broken" in str(error)
