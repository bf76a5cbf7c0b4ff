"""Furnished rooms in the layout of MTAN's NYUv2 archive, ray-cast with exact depth and normals.

A camera at head height looks into a room of four walls, floor and ceiling. Furniture is made of
boxes on the floor, books and objects stand on it, paintings, windows and a television hang on
walls. A pixel is the nearest box its ray hits; its depth is the distance along the optical axis,
its normal the box's face in the camera's frame (x right, y down, z forward), towards the camera.
Colours follow the class loosely, with light from a lamp, texture and noise. As in the real data,
some pixels have no label, no depth or no normal. Results on them check the machinery, not the
paper.
"""

import io
import zipfile
from pathlib import Path

import numpy as np
from pydantic import NonNegativeInt, PositiveInt

from ._rays import Boxes, camera, directions

ARCHIVE = "nyuv2.zip"
CLASSES = [
    "bed", "books", "ceiling", "chair", "floor", "furniture", "objects", "painting", "sofa",
    "table", "tv", "wall", "window",
]  # fmt: skip
LABEL = {name: number for number, name in enumerate(CLASSES)}
# Red, green and blue about which the colours of a class vary.
COLOURS = np.array(
    [
        (0.55, 0.35, 0.40), (0.60, 0.25, 0.20), (0.85, 0.85, 0.82), (0.45, 0.30, 0.18),
        (0.50, 0.40, 0.30), (0.58, 0.42, 0.26), (0.30, 0.55, 0.50), (0.65, 0.55, 0.25),
        (0.32, 0.38, 0.58), (0.48, 0.34, 0.20), (0.10, 0.10, 0.12), (0.74, 0.70, 0.62),
        (0.70, 0.85, 0.95),
    ]
)  # fmt: skip
# Furniture as (half width, half depth, height) in metres: the smallest and the largest.
SIZES = {
    "bed": ((0.7, 0.9, 0.4), (0.9, 1.05, 0.6)),
    "sofa": ((0.7, 0.4, 0.4), (1.1, 0.5, 0.5)),
    "table": ((0.4, 0.3, 0.05), (0.8, 0.5, 0.07)),
    "chair": ((0.2, 0.2, 0.42), (0.25, 0.25, 0.48)),
    "furniture": ((0.3, 0.2, 0.8), (0.6, 0.3, 1.9)),
}
BACKS = {"chair": 0.5, "sofa": 0.4, "bed": 0.35}  # metres above the seat
HANGING = ("painting", "window", "tv")


def write(
    folder: Path,
    *,
    seed: NonNegativeInt,
    train: PositiveInt,
    test: PositiveInt,
    height: PositiveInt = 24,
    width: PositiveInt = 32,
) -> None:
    """Write `nyuv2.zip` into `folder`; the same arguments give the same bytes.

    Args:
        folder: An existing folder.
        seed: Seed of the generator.
        train: Rooms in `train`.
        test: Rooms in `val`.
        height: Of the images, in pixels.
        width: Of the images, in pixels.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    with zipfile.ZipFile(folder / ARCHIVE, "w", zipfile.ZIP_DEFLATED) as archive:
        for split, count in (("train", train), ("val", test)):
            for i in range(count):
                for kind, array in draw(generator, height, width).items():
                    content = io.BytesIO()
                    np.lib.format.write_array(content, array, allow_pickle=False)
                    # A ZipInfo has a fixed date: the bytes do not depend on the clock.
                    member = zipfile.ZipInfo(f"{split}/{kind}/{i}.npy")
                    member.compress_type = zipfile.ZIP_DEFLATED
                    archive.writestr(member, content.getvalue())


def draw(generator: np.random.Generator, height: int, width: int) -> dict[str, np.ndarray]:
    """Draw one room: image `[H, W, 3]`, label `[H, W]`, depth `[H, W, 1]`, normal `[H, W, 3]`."""
    room = np.array([generator.uniform(2, 3.5), 1.25, generator.uniform(2, 3.5)])  # half sizes
    wall = LABEL["wall"]
    boxes = Boxes([wall, wall, LABEL["ceiling"], LABEL["floor"], wall, wall])
    furnish(boxes, room, generator)
    eye, turn = camera(room, generator)
    rays = directions(height, width)
    depth, normal, box = boxes.cast(eye, rays @ turn.T, room)
    labels = boxes.labels[box]
    points = eye + depth[:, None] * (rays @ turn.T)
    image = shade(points, normal, boxes, box, room, generator)
    seen = normal @ turn  # in the camera's frame
    slant = np.abs((seen * rays).sum(1)) / np.linalg.norm(rays, axis=1)
    blind = (slant < 0.12) | ((labels == LABEL["window"]) & (generator.random(len(box)) < 0.5))
    edge = np.pad(np.diff(box.reshape(height, width), axis=1) != 0, ((0, 0), (0, 1))).ravel()
    shape = (height, width, -1)
    return {
        "image": image.reshape(shape).astype(np.float32),
        "label": np.where(edge & (generator.random(len(box)) < 0.5), -1, labels)
        .reshape(height, width)
        .astype(np.int64),
        "depth": np.where(blind, 0, depth).reshape(shape).astype(np.float32),
        "normal": (seen * ~blind[:, None]).reshape(shape).astype(np.float32),
    }


def furnish(boxes: Boxes, room: np.ndarray, generator: np.random.Generator) -> None:
    """Put furniture in the far half of the room; pictures, windows and televisions on the walls."""
    for place in range(generator.integers(3, 6)):
        name = list(SIZES)[generator.integers(len(SIZES))]
        x = (place % 3 - 1) * 0.6 * room[0] + generator.normal(0, 0.15)
        z = (0.62 if place < 3 else 0.0) * room[2] + generator.normal(0, 0.15)
        turn = generator.choice([0, np.pi / 2]) + generator.normal(0, 0.12)
        piece(boxes, name, np.array([x, room[1], z]), turn, generator)
    for wall in range(3):
        name = HANGING[generator.integers(len(HANGING))]
        wide, high = generator.uniform((0.3, 0.25), (0.8, 0.5))
        up, along = generator.uniform(-0.4, -0.1), generator.uniform(-0.4, 0.4)
        if wall == 0:
            boxes.add(LABEL[name], (along * room[0], up, room[2]), (wide, high, 0.03))
        else:
            side = 1 if wall == 1 else -1
            boxes.add(LABEL[name], (side * room[0], up, along * room[2]), (0.03, high, wide))


def piece(
    boxes: Boxes, name: str, foot: np.ndarray, turn: float, generator: np.random.Generator
) -> None:
    """Put one piece of furniture with its legs, its back or the things on it."""
    wide, deep, height = generator.uniform(*SIZES[name])
    label, top = LABEL[name], height
    if name == "table":
        top, leg = generator.uniform(0.6, 0.8), 0.03
        half = (top - height) / 2
        for i in (-1, 1):
            for j in (-1, 1):
                corner = (i * (wide - 2 * leg), half, j * (deep - 2 * leg))
                boxes.stand(label, foot, turn, corner, (leg, half, leg))
    boxes.stand(label, foot, turn, (0, top - height / 2, 0), (wide, height / 2, deep))
    if name in BACKS:
        rise = BACKS[name]
        boxes.stand(label, foot, turn, (0, height + rise / 2, deep - 0.05), (wide, rise / 2, 0.05))
    if name in ("table", "furniture"):
        for i in (-1, 1):
            thing = LABEL[("books", "objects")[generator.integers(2)]]
            size = generator.uniform((0.06, 0.05, 0.06), (0.16, 0.16, 0.13))
            boxes.stand(thing, foot, turn, (i * wide / 2, top + size[1], 0), size)


def shade(
    points: np.ndarray,
    normal: np.ndarray,
    boxes: Boxes,
    box: np.ndarray,
    room: np.ndarray,
    generator: np.random.Generator,
) -> np.ndarray:
    """Give colours in `[0, 1]`, `[P, 3]`: the box's own, its texture, light from a lamp, noise."""
    own = COLOURS[boxes.labels] + generator.normal(0, 0.07, (len(boxes.labels), 3))
    own[[0, 1, 4, 5]] = own[0]  # walls of one room share their paint
    colour = own[box]
    label = boxes.labels[box]
    planks = 1 - 0.12 * (np.floor(points[:, 0] / 0.18) % 2)
    spines = 1 - 0.45 * (np.floor((points[:, 0] + points[:, 2]) / 0.035) % 2)
    waves = 1 + 0.35 * np.sin(9 * points[:, 1] + 7 * (points[:, 0] + points[:, 2]))
    for name, texture in (("floor", planks), ("books", spines), ("painting", waves)):
        colour = colour * np.where(label == LABEL[name], texture, 1)[:, None]
    lamp = np.array([generator.uniform(-0.5, 0.5) * room[0], -0.9 * room[1], 0.2 * room[2]])
    to_lamp = lamp - points
    distance = np.linalg.norm(to_lamp, axis=1)
    lambert = np.clip((to_lamp * normal).sum(1) / distance, 0, 1)
    light = 0.45 + 0.75 * lambert / (1 + 0.12 * distance**2)
    light = np.where(label == LABEL["window"], 1.05, light)  # daylight
    noise = generator.normal(0, 0.02, points.shape)
    return np.clip(colour * light[:, None] + noise, 0, 1)
