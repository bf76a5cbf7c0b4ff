"""Drawn faces in CelebA's own three files: the same names, the same formats, 178 x 218 JPEGs.

A person who opens a picture sees a face and its attributes: hair, glasses, hats, smiles, beards,
make-up, jewellery, age. One attribute cannot be drawn and only follows those that are:
`Attractive`. `Male` shows in jaw, neck, hair and beard, `Young` as no wrinkles, `No_Beard` as none
of the four kinds of beard; a hat hides hair.
Place, size, tones and background vary. Results on them check the machinery, not the paper.
"""

import io
import zipfile
from pathlib import Path

import numpy as np
from pydantic import NonNegativeInt, PositiveInt

from ..datasets.celeba import ATTRIBUTES, FOLDER, IMAGES, NAMES, PARTITION
from . import _face, _traits


def write(folder: Path, *, seed: NonNegativeInt, train: PositiveInt, test: PositiveInt) -> None:
    """Write the three files into `folder`; the same arguments give the same bytes.

    Args:
        folder: An existing folder.
        seed: Seed of the generator.
        train: How many training faces.
        test: How many test faces, and as many validation faces: CelebA's two parts differ little.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    parts = [0] * train + [1] * test + [2] * test
    names = [f"{i:06d}.jpg" for i in range(1, len(parts) + 1)]
    rows = [str(len(parts)), " ".join(NAMES) + " "]
    with zipfile.ZipFile(folder / IMAGES, "w") as archive:
        archive.writestr(_member(f"{FOLDER}/"), b"")
        for name in names:
            face = _traits.sample(generator)
            rows.append(name + " " + " ".join(f"{1 if face[a] else -1:2d}" for a in NAMES))
            archive.writestr(_member(f"{FOLDER}/{name}"), jpeg(face, generator))
    (folder / ATTRIBUTES).write_text("\n".join(rows) + "\n")
    lines = (f"{name} {part}\n" for name, part in zip(names, parts, strict=True))
    (folder / PARTITION).write_text("".join(lines))


def jpeg(face: dict[str, bool], generator: np.random.Generator) -> bytes:
    """Draw the picture of a face as the bytes of a JPEG file."""
    buffer = io.BytesIO()
    _face.draw(face, generator).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _member(name: str) -> zipfile.ZipInfo:
    """Make an entry of the archive that holds no time and no trace of this machine."""
    member = zipfile.ZipInfo(name)
    member.create_system = 0
    return member
