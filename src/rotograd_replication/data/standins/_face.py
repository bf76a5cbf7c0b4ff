"""A parametric face: ellipses, arcs and polygons that show its attributes.

All lengths are in pixels of a canvas twice as large as the picture, which is then halved: that
smooths the edges. The eyes are where CelebA's aligned faces have them, a little above the middle.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ..datasets.celeba import SIZE

Colour = tuple[int, ...]  # red, green, blue and, where it is not opaque, alpha
Traits = dict[str, bool]
HAIR: dict[str, Colour] = {
    "Black_Hair": (32, 28, 30),
    "Brown_Hair": (104, 64, 36),
    "Blond_Hair": (222, 186, 104),
    "Gray_Hair": (168, 168, 172),
}
SKINS: list[Colour] = [(232, 190, 160), (214, 164, 128), (176, 124, 88), (128, 84, 58)]
PALE: Colour = (250, 230, 220)
LIPS: Colour = (196, 30, 52)


@dataclass(frozen=True)
class Pen:
    """What the parts of a face share: the canvas, the head's place and size, its colours."""

    canvas: ImageDraw.ImageDraw
    x: float
    y: float
    width: float
    height: float
    skin: Colour
    hair: Colour
    cloth: Colour
    long_hair: bool

    def oval(self, u: float, v: float, a: float, b: float, colour: Colour) -> None:
        """Draw an ellipse around `(x + u, y + v)` with half axes `a`, `b`."""
        self.canvas.ellipse(self.box(u, v, a, b), fill=colour)

    def arc(
        self,
        place: tuple[float, float, float, float],
        angles: tuple[float, float],
        colour: Colour,
        thick: int,
    ) -> None:
        """Draw a line along the ellipse of `oval`; angles in degrees, clockwise from the right."""
        self.canvas.arc(self.box(*place), *angles, fill=colour, width=thick)

    def line(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        colour: Colour,
        thick: int,
    ) -> None:
        """Draw a straight line between two points relative to the head's centre."""
        ends = [(self.x + u, self.y + v) for u, v in (start, end)]
        self.canvas.line(ends, fill=colour, width=thick)

    def box(self, u: float, v: float, a: float, b: float) -> list[float]:
        """Compute the corners around an ellipse."""
        return [self.x + u - a, self.y + v - b, self.x + u + a, self.y + v + b]

    def shape(self, points: Sequence[tuple[float, float]], colour: Colour) -> None:
        """Draw a polygon whose corners are relative to the head's centre."""
        self.canvas.polygon([(self.x + u, self.y + v) for u, v in points], fill=colour)


def shade(colour: Colour, factor: float) -> Colour:
    """Give a darker (below 1) or lighter colour."""
    return tuple(int(min(255, max(0, part * factor))) for part in colour)


def draw(face: Traits, generator: np.random.Generator) -> Image.Image:
    """Draw the picture of a face, 178 x 218, RGB.

    Args:
        face: Its attributes, by CelebA's names.
        generator: Of place, size, tones and background, which are no attributes.
    """
    ground = shade((150, 160, 175), generator.uniform(0.4, 1.3))
    image = Image.new("RGB", (2 * SIZE[0], 2 * SIZE[1]), ground)
    tone = PALE if face["Pale_Skin"] else SKINS[generator.integers(len(SKINS))]
    hair = next((colour for name, colour in HAIR.items() if face[name]), (120, 90, 70))
    move, light = generator.uniform(-8, 8, 2), generator.uniform(0.9, 1.05)
    pen = Pen(
        ImageDraw.Draw(image, "RGBA"),
        SIZE[0] + move[0],
        SIZE[1] + 14 + move[1],
        (90 + 16 * face["Chubby"] - 10 * face["Oval_Face"]) * generator.uniform(0.96, 1.04),
        (118 + 14 * face["Oval_Face"] - 4 * face["Chubby"]) * generator.uniform(0.97, 1.03),
        shade(tone, light),
        shade(hair, generator.uniform(0.9, 1.1)),
        tuple(int(part) for part in generator.integers(30, 220, 3)),
        not face["Bald"] and generator.random() < (0.05 if face["Male"] else 0.85),
    )
    for part in PARTS:
        part(pen, face)
    image = image.reduce(2)
    return image.filter(ImageFilter.GaussianBlur(2.5)) if face["Blurry"] else image


def _hair_behind(pen: Pen, face: Traits) -> None:
    if not pen.long_hair:
        return
    w, h = pen.width + 26, pen.height
    pen.oval(0, -10, w, h + 16, pen.hair)
    pen.shape([(-w, -10), (w, -10), (w + 6, h + 40), (-w - 6, h + 40)], pen.hair)
    if face["Wavy_Hair"]:
        for v in np.arange(-h * 0.5, h + 50, 34):
            for side in (-1, 1):
                pen.oval(side * (w + 2), v, 19, 21, pen.hair)


def _body(pen: Pen, face: Traits) -> None:
    h, neck = pen.height, 46 if face["Male"] else 36
    low, end = h + 30, 2.5 * h
    throat = [(-neck, h * 0.5), (neck, h * 0.5), (neck, low + 90), (-neck, low + 90)]
    pen.shape(throat, shade(pen.skin, 0.85))
    pen.oval(0, low + 70, 170 if face["Male"] else 140, 60, pen.cloth)
    if face["Wearing_Necktie"]:
        shirt = [(-neck, low), (0, low + 34), (neck, low), (70, end), (-70, end)]
        pen.shape(shirt, (240, 240, 240))
        pen.shape([(-14, low + 20), (14, low + 20), (24, end), (-24, end)], (150, 20, 30))
    if face["Wearing_Necklace"]:
        for angle in np.linspace(0.15, 0.85, 12) * np.pi:
            pen.oval(58 * np.cos(angle), low - 18 + 34 * np.sin(angle), 6, 6, (250, 220, 90))


def _head(pen: Pen, face: Traits) -> None:
    w, h = pen.width, pen.height
    dark = shade(pen.skin, 0.72)
    for side in (-1, 1):
        pen.oval(side * w, 4, 13, 24, shade(pen.skin, 0.92))
    if face["Double_Chin"]:
        pen.oval(0, h * 0.84, w * 0.7, 36, shade(pen.skin, 0.94))
        pen.arc((0, h * 0.86, w * 0.6, 32), (25, 155), dark, 5)
    pen.oval(0, 0, w, h, pen.skin)
    if face["Male"]:
        jaw = [(-w * 0.95, h * 0.3), (w * 0.95, h * 0.3), (w * 0.5, h * 0.96), (-w * 0.5, h * 0.96)]
        pen.shape(jaw, pen.skin)
    if face["Double_Chin"]:
        pen.arc((0, h * 0.72, w * 0.45, 26), (20, 160), dark, 4)
    for side in (-1, 1):
        if face["Rosy_Cheeks"]:
            pen.oval(side * w * 0.55, 42, 24, 19, (245, 60, 85, 165))
        if face["High_Cheekbones"]:
            ends = (200, 300) if side > 0 else (240, 340)
            pen.arc((side * w * 0.6, 52, 30, 26), ends, (255, 245, 235, 200), 7)
    if not face["Young"]:
        for v in (-0.42, -0.34):
            pen.arc((0, h * v + 30, 44, 30), (215, 325), dark, 3)
        for side in (-1, 1):
            ends = (290, 20) if side > 0 else (160, 250)
            pen.arc((side * 20, 62, 26, 34), ends, dark, 4)


def _eyes(pen: Pen, face: Traits) -> None:
    tall = 5 if face["Narrow_Eyes"] else 12
    brow = shade(pen.hair, 0.6)
    for side in (-1, 1):
        u = side * 38
        if face["Heavy_Makeup"]:
            pen.oval(u, -18, 27, 19, (110, 60, 140, 190))
        pen.oval(u, -12, 21, tall, (250, 250, 250))
        pen.oval(u, -12, 9, min(9, tall), (60, 45, 35))
        pen.arc((u, -12, 21, tall), (180, 360), (40, 30, 30), 6 if face["Heavy_Makeup"] else 3)
        if face["Bags_Under_Eyes"]:
            pen.arc((u, -6, 22, 16), (25, 155), (70, 40, 70, 200), 6)
        thick = 13 if face["Bushy_Eyebrows"] else 5
        if face["Arched_Eyebrows"]:
            pen.arc((u, -26, 27, 24), (205, 335), brow, thick)
        else:
            ends = (u - 25, u + 25)
            high, low = -38 - thick, -38
            pen.shape([(ends[0], low), (ends[1], low), (ends[1], high), (ends[0], high)], brow)
        if face["Eyeglasses"]:
            pen.arc((u, -12, 33, 26), (0, 360), (20, 20, 25), 7)
            pen.line((side * 71, -14), (side * pen.width, -18), (20, 20, 25), 6)
    if face["Eyeglasses"]:
        pen.arc((0, -12, 8, 8), (180, 360), (20, 20, 25), 6)


def _nose(pen: Pen, face: Traits) -> None:
    wide = 24 if face["Big_Nose"] else 13
    dark = shade(pen.skin, 0.78)
    if face["Pointy_Nose"]:
        pen.shape([(0, -14), (wide, 34), (0, 46)], shade(pen.skin, 0.6))
        pen.shape([(0, -14), (-wide, 34), (0, 46)], shade(pen.skin, 1.12))
    else:
        pen.oval(0, 30, wide, 12, dark)
        pen.shape([(-5, -6), (5, -6), (8, 28), (-8, 28)], shade(pen.skin, 0.88))


def _mouth(pen: Pen, face: Traits) -> None:
    colour = LIPS if face["Wearing_Lipstick"] else shade(pen.skin, 0.68)
    thick = 13 if face["Big_Lips"] else 7
    if face["Smiling"]:
        box, angles = (0, 52, 40, 30), (15, 165)
        if face["Mouth_Slightly_Open"]:
            pen.canvas.chord(pen.box(*box), *angles, fill=(250, 248, 245))
            thick = max(5, thick - 3)
        pen.arc(box, angles, colour, thick)
        if face["Mouth_Slightly_Open"]:
            pen.arc((0, 60, 38, 6), (180, 360), colour, thick)
    else:
        pen.oval(0, 72, 31, thick + 2, colour)
        if face["Mouth_Slightly_Open"]:
            pen.oval(0, 72, 22, 6, (70, 15, 20))
        else:
            pen.arc((0, 72, 30, 3), (0, 180), shade(colour, 0.6), 3)


def _beard(pen: Pen, face: Traits) -> None:
    h, w, dark = pen.height, pen.width, shade(pen.hair, 0.8)
    if face["5_o_Clock_Shadow"]:
        pen.canvas.chord(pen.box(0, 0, w * 0.97, h * 0.98), 20, 160, fill=(40, 45, 60, 95))
    if face["Goatee"]:
        pen.oval(0, h * 0.9, 24, 18, dark)
    if face["Mustache"]:
        pen.shape([(0, 46), (36, 60), (30, 50), (0, 38), (-30, 50), (-36, 60)], dark)
    if face["Sideburns"]:
        for side in (-1, 1):
            u = side * (w - 10)
            pen.shape([(u - 9, -30), (u + 9, -30), (u + 5, 52), (u - 7, 52)], dark)


def _hair_above(pen: Pen, face: Traits) -> None:
    if face["Bald"]:
        pen.oval(-18, -pen.height * 0.78, 16, 9, (255, 255, 255, 110))
        return
    w, h = pen.width + 12, pen.height + 14
    low = 232 if face["Receding_Hairline"] else 212
    pen.canvas.chord(pen.box(0, -2, w, h), low, 540 - low, fill=pen.hair)
    if face["Bangs"]:
        for u in np.linspace(-0.72, 0.72, 7) * w:
            pen.shape([(u - 15, -h * 0.56), (u + 15, -h * 0.56), (u, -46)], pen.hair)
    if face["Wavy_Hair"]:
        for angle in np.radians(np.linspace(low, 540 - low, 9)):
            pen.oval(w * 0.97 * np.cos(angle), -2 + h * 0.97 * np.sin(angle), 18, 15, pen.hair)
    if face["Straight_Hair"]:
        root = -h * (0.8 if face["Receding_Hairline"] else 0.58)
        for u in np.linspace(-0.6, 0.6, 8) * w:
            pen.line((u * 0.5, -h * 0.94), (u, root), shade(pen.hair, 1.35), 3)


def _ornaments(pen: Pen, face: Traits) -> None:
    if face["Wearing_Earrings"]:
        for side in (-1, 1):
            pen.oval(side * (pen.width + 3), 36, 8, 10, (255, 225, 80))
    if face["Wearing_Hat"]:
        w, h = pen.width + 20, pen.height
        low, high, brim = -h * 0.52, -h * 1.3, w + 30
        pen.shape([(-w, low), (w, low), (w * 0.8, high), (-w * 0.8, high)], (40, 70, 120))
        pen.shape([(-brim, low + 8), (brim, low + 8), (w, low - 9), (-w, low - 9)], (25, 45, 85))


# From back to front.
PARTS = (_hair_behind, _body, _head, _eyes, _nose, _mouth, _beard, _hair_above, _ornaments)
