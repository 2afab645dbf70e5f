"""Letters that look like the 8 x 8 handwritten digits, from matplotlib's fonts.

The digits were made from 32 x 32 bitmaps, stretched to a common frame, in
which the inked pixels of every 4 x 4 block were counted. Letters go the same
way: a glyph is slanted at random, stretched into the frame of a real digit,
given as many inked pixels as that digit has (by making its strokes thicker or
thinner), and its blocks are counted. What is left to tell the two apart is
their shape.
"""

import string
from pathlib import Path

import numpy as np

FONTS = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-BoldOblique",
    "DejaVuSans-Oblique",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSansMono-BoldOblique",
    "DejaVuSansMono-Oblique",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSerif-BoldItalic",
    "DejaVuSerif-Italic",
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralBolIta",
    "STIXGeneralItalic",
    "cmb10",
    "cmr10",
    "cmss10",
    "cmtt10",
)
"""Text faces in matplotlib's own data.

Its other fonts hold symbols, or swashes that 8 pixels cannot show (Computer
Modern italics).
"""

LOOKALIKES = "BDGIJOQSTUZ" + "bfgijlnoqrstuyz"
"""Left out: in one face or another they can be read as a digit."""

ILLEGIBLE = "MW" + "mw"
"""Left out: they have more strokes than fit side by side into 6 pixels."""

LETTERS = "".join(
    letter
    for letter in string.ascii_letters
    if letter not in LOOKALIKES + ILLEGIBLE
)

_FONT_SIZE = 64
_CANVAS = 64
_BLOCK = _CANVAS // 8
_MIN_COLUMNS = 6
_MAX_SHEAR = 0.15
_MAX_ROTATION_DEGREES = 5.0


def _load_fonts() -> list:
    import matplotlib
    from PIL import ImageFont

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    missing = [f for f in FONTS if not (folder / f"{f}.ttf").is_file()]
    if missing:
        raise FileNotFoundError(
            f"Expected matplotlib's own fonts in {folder}. Missing: "
            f"{', '.join(missing)}. Some distributions remove them: install "
            "matplotlib from PyPI."
        )
    return [
        ImageFont.truetype(
            str(folder / f"{font}.ttf"),
            _FONT_SIZE,
            # Pillow's own layout: Raqm may or may not be installed.
            layout_engine=ImageFont.Layout.BASIC,
        )
        for font in FONTS
    ]


def _draw(letter: str, font, shear: float, degrees: float):
    """Returns the slanted glyph as a grey PIL image, cropped to its ink."""
    from PIL import Image
    from PIL import ImageDraw

    side = 3 * _FONT_SIZE
    image = Image.new("L", (side, side))
    ImageDraw.Draw(image).text(
        (side // 2, side // 2), letter, fill=255, font=font, anchor="mm"
    )
    image = image.rotate(degrees, Image.Resampling.BICUBIC)
    image = image.transform(
        image.size,
        Image.Transform.AFFINE,
        (1.0, shear, -shear * side / 2, 0.0, 1.0, 0.0),
        Image.Resampling.BICUBIC,
    )
    return _crop(image)


def _crop(image):
    return image.crop(image.point(lambda v: 255 * (v >= 128)).getbbox())


def _with_ink(glyph: np.ndarray, num_inked: int) -> np.ndarray:
    """Thickens or thins strokes until exactly `num_inked` pixels are inked."""
    from scipy.ndimage import distance_transform_edt

    inside = glyph >= 128
    # Half pixels are told apart by their grey, so that outlines stay smooth.
    depth = distance_transform_edt(inside) - distance_transform_edt(~inside)
    depth = depth + (glyph / 255.0 - 0.5)
    order = np.argsort(-depth, axis=None, kind="stable")
    inked = np.zeros(glyph.size, bool)
    inked[order[:num_inked]] = True
    return inked.reshape(glyph.shape)


def _frame(digit: np.ndarray) -> tuple[int, int]:
    """Returns left and right end of a digit's ink on the canvas.

    The outermost columns are covered in part: by as much as their most inked
    block is.
    """
    coverage = digit.max(axis=0)
    columns = np.flatnonzero(coverage)
    first, last = columns[0], columns[-1]
    left = (first + 1) * _BLOCK - round(float(coverage[first]) * _BLOCK)
    right = last * _BLOCK + round(float(coverage[last]) * _BLOCK)
    return left, right


def _like_digit(glyph, digit: np.ndarray) -> np.ndarray:
    """Returns the glyph in the frame and with the ink of the digit."""
    from PIL import Image

    left, right = _frame(digit)
    num_inked = round(float(digit.mean()) * _CANVAS * _CANVAS)
    size = (right - left, _CANVAS)
    # Changing the strokes moves the outline away from the frame or cuts it
    # off there, hence a second time.
    for _ in range(2):
        glyph = glyph.resize(size, Image.Resampling.BICUBIC)
        inked = _with_ink(np.asarray(glyph, "float64"), num_inked)
        glyph = _crop(Image.fromarray(np.uint8(255 * inked)))
    canvas = np.zeros((_CANVAS, _CANVAS), bool)
    canvas[:, left:right] = inked
    return canvas


def render_letters(
    digits: np.ndarray, num_samples: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Renders letters in the frame and with the ink of random digits.

    Every pair of a letter and a font is drawn once before any is repeated
    (with another slant and another digit's frame).

    Args:
        digits: Images to imitate, shape `(digits, 8, 8)`, in [0, 1]. Narrow
            ones (most ones) are passed over: no letter would be legible.
        num_samples: Number of letters.
        rng: Source of pairs, slants and digits.

    Returns:
        Coverage of each pixel in [0, 1], shape `(num_samples, 8, 8)`, and the
        letters, an array of strings of shape `(num_samples,)`.
    """
    fonts = _load_fonts()
    digits = digits[digits.any(axis=1).sum(axis=-1) >= _MIN_COLUMNS]
    pairs = [(letter, font) for letter in LETTERS for font in fonts]
    images, letters = [], []
    while len(images) < num_samples:
        for pair in rng.permutation(len(pairs))[: num_samples - len(images)]:
            letter, font = pairs[pair]
            glyph = _draw(
                letter,
                font,
                shear=rng.uniform(-_MAX_SHEAR, _MAX_SHEAR),
                degrees=rng.uniform(
                    -_MAX_ROTATION_DEGREES, _MAX_ROTATION_DEGREES
                ),
            )
            canvas = _like_digit(glyph, digits[rng.integers(len(digits))])
            blocks = canvas.reshape(8, _BLOCK, 8, _BLOCK)
            images.append(blocks.mean(axis=(1, 3)))
            letters.append(letter)
    return np.stack(images), np.array(letters)
