"""Full-size preparation: seconds, pictures per second, memory over all processes, file sizes.

    python benchmarks/prepare.py {celeba,nyuv2} [--folder FOLDER] [--distinct N] [--share PERCENT]

Archives of the official format and counts are made of a few hundred distinct stand-ins, repeated
under the official names. The workflow's own command prepares them in a process of its own, which is
killed once half-way and run again; a few prepared samples are then compared with their originals.
Memory is summed over the process and its workers, every twentieth of a second: as proportional set
size (a shared page counts once; pages of mapped files count) and as resident set size (counts it in
each). FOLDER needs room for the archive and twice the prepared splits; all of it is deleted.

Printed on two CPU cores, which other work shared:

    celeba: 202,599 samples in 71 s, 2865 a second; killed after 29 s, 101,376 samples of which the
    second run kept. Peak memory of 3 processes: 324 MiB proportional, 786 MiB resident. Archives
    1.32 GB, prepared 2.52 GB.
    nyuv2: 1,449 samples in 25 s, 58 a second; killed after 9 s, 730 samples of which the second run
    kept. Peak memory of 1 processes: 83 MiB proportional, 98 MiB resident. Archives 5.77 GB,
    prepared 2.08 GB.
"""

import argparse
import dataclasses
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tqdm
import yaml
from PIL import Image
from safetensors import safe_open

from rotograd_replication.config import load as config
from rotograd_replication.data.datasets import celeba, nyuv2
from rotograd_replication.data.standins import _traits
from rotograd_replication.data.standins import celeba as faces
from rotograd_replication.data.standins import nyuv2 as rooms
from rotograd_replication.files import atomic as records

ROOT = Path(__file__).parents[1]
SPLITS = ("train", "val", "test")
PAUSE = 0.05


@dataclasses.dataclass
class Peak:
    """The largest sums over a process and all below it, in MiB."""

    proportional: float = 0.0
    resident: float = 0.0
    processes: int = 0

    def sample(self, root: int) -> None:
        """Take in the present sums."""
        found = {"Pss": 0, "Rss": 0}
        family = below(root)
        for process in family:
            try:
                lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
            except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                continue
            for line in lines:
                key, _, rest = line.partition(":")
                if key in found:
                    found[key] += int(rest.split()[0])
        self.proportional = max(self.proportional, found["Pss"] / 1024)
        self.resident = max(self.resident, found["Rss"] / 1024)
        self.processes = max(self.processes, len(family))


def below(root: int) -> list[int]:
    """A process and its descendants."""
    found = [root]
    for process in found:
        for children in Path(f"/proc/{process}/task").glob("*/children"):
            try:
                found += map(int, children.read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def write_celeba(folder: Path, distinct: int, share: float) -> dict[str, int]:
    """CelebA's three files; returns the size of each part."""
    generator = np.random.Generator(np.random.PCG64(0))
    people = [_traits.sample(generator) for _ in range(distinct)]
    pictures = [
        faces.jpeg(person, generator) for person in tqdm.tqdm(people, desc="drawing", disable=None)
    ]
    configured = config.load_datasets(ROOT / "configs")["celeba"].parameters["counts"].value
    counts = [max(1, round(count * share)) for count in configured]
    parts = np.repeat(range(3), counts)
    rows, lines = [str(len(parts)), " ".join(celeba.NAMES)], []
    with zipfile.ZipFile(folder / celeba.IMAGES, "w") as archive:
        for i, part in enumerate(tqdm.tqdm(parts, desc="writing", disable=None)):
            name, person = f"{i + 1:06d}.jpg", people[i % distinct]
            rows.append(f"{name} " + " ".join("1" if person[a] else "-1" for a in celeba.NAMES))
            lines.append(f"{name} {part}")
            archive.writestr(f"{celeba.FOLDER}/{name}", pictures[i % distinct])
    (folder / celeba.ATTRIBUTES).write_text("\n".join(rows) + "\n")
    (folder / celeba.PARTITION).write_text("\n".join(lines) + "\n")
    return dict(zip(SPLITS, counts, strict=True))


def check_celeba(raw: Path, prepared: dict[str, Path], counts: dict[str, int]) -> None:
    """Compare first, last and some pictures of every split with Pillow's own."""
    start = 0
    with zipfile.ZipFile(raw / celeba.IMAGES) as archive:
        for split, count in counts.items():
            with safe_open(prepared[split], framework="np") as file:
                images = file.get_slice("images")
                assert images.get_shape() == [count, 3, 64, 64]
                for i in {0, count // 3, count // 2, count - 1}:
                    content = archive.read(f"{celeba.FOLDER}/{start + i + 1:06d}.jpg")
                    picture = Image.open(io.BytesIO(content)).convert("RGB")
                    small = np.asarray(picture.resize((64, 64), Image.Resampling.BILINEAR))
                    assert np.array_equal(images[i : i + 1][0], small.transpose(2, 0, 1))
            start += count


def write_nyuv2(folder: Path, distinct: int, share: float) -> dict[str, int]:
    """MTAN's archive in float32, not compressed; returns the size of each split."""
    if share != 1:
        raise ValueError(f"`--share` must be 100 for nyuv2. Found {100 * share:g}.")
    generator = np.random.Generator(np.random.PCG64(0))
    parameters = config.load_datasets(ROOT / "configs")["nyuv2"].parameters
    size = (parameters["height"].value, parameters["width"].value)
    scenes = []
    for _ in tqdm.trange(distinct, desc="drawing", disable=None):
        scene = {}
        for kind, array in rooms.draw(generator, *size).items():
            content = io.BytesIO()
            np.save(content, array)
            scene[kind] = content.getvalue()
        scenes.append(scene)
    counts = {name: parameters[name].value for name in ("train", "test", "validation")}
    with zipfile.ZipFile(folder / nyuv2.ARCHIVE, "w") as archive:
        for part, count in (("train", counts["train"]), ("val", counts["test"])):
            for i in tqdm.trange(count, desc=f"writing {part}", disable=None):
                for kind, content in scenes[i % distinct].items():
                    archive.writestr(f"{part}/{kind}/{i}.npy", content)
    trained = counts["train"] - counts["validation"]
    return {"train": trained, "val": counts["validation"], "test": counts["test"]}


def check_nyuv2(raw: Path, prepared: dict[str, Path], counts: dict[str, int]) -> None:
    """Compare first, last and some samples of the test split with the archive's arrays."""
    with (
        zipfile.ZipFile(raw / nyuv2.ARCHIVE) as archive,
        safe_open(prepared["test"], framework="np") as file,
    ):
        images, targets = file.get_slice("images"), file.get_slice("targets")
        for i in {0, counts["test"] // 2, counts["test"] - 1}:
            sample = {
                kind: np.lib.format.read_array(
                    io.BytesIO(archive.read(f"val/{kind}/{i}.npy")), allow_pickle=False
                )
                for kind in nyuv2.FOLDERS
            }
            error = images[i : i + 1][0] / 255 - sample["image"].transpose(2, 0, 1)
            assert np.abs(error).max() <= 0.51 / 255
            assert np.array_equal(targets[i : i + 1][0, 0], sample["label"])
            assert np.allclose(targets[i : i + 1][0, 1], sample["depth"][..., 0], rtol=2**-11)


WRITE: dict[str, Callable[[Path, int, float], dict[str, int]]]
WRITE = {"celeba": write_celeba, "nyuv2": write_nyuv2}
CHECK = {"celeba": check_celeba, "nyuv2": check_nyuv2}
# Bytes of a sample before they are written to the splits.
ROW = {"celeba": 3 * 64 * 64, "nyuv2": 288 * 384 * (3 + 5 * 2)}
DISTINCT = {"celeba": 300, "nyuv2": 12}


def run(command: list[str], peak: Peak, until: Callable[[], bool]) -> tuple[float, int | None]:
    """Seconds of a command, and its exit status, or None where it was killed."""
    start = time.perf_counter()
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT / "src")})
    while process.poll() is None:
        peak.sample(process.pid)
        if until():
            process.send_signal(signal.SIGKILL)
            process.wait()
            return time.perf_counter() - start, None
        time.sleep(PAUSE)
    return time.perf_counter() - start, process.returncode


def measure(name: str, folder: Path, distinct: int, share: float) -> None:
    """Write the archives, prepare them, kill that half-way, prepare them again; print the cost."""
    raw, out = folder / "raw", folder / "prepared"
    raw.mkdir()
    counts = WRITE[name](raw, distinct, share)
    sums = {path.name: records.sha256(path) for path in raw.iterdir()}
    record = {"dataset": name, "label": "a benchmark's stand-in", "archives": sums}
    records.write_json(raw / "archives.json", record)
    prepared = {split: out / f"{split}.safetensors" for split in SPLITS}
    command = [sys.executable, "-m", "rotograd_replication"]
    if share != 1:
        command += ["--configs", str(configs(folder, counts))]
    command += ["prepare", "--dataset", name, "--archives", str(raw / "archives.json")]
    for split, path in prepared.items():
        command += [f"--{split}", str(path)]
    total, work = sum(counts.values()), out / ".work"

    def samples() -> int:
        return sum(path.stat().st_size for path in work.glob("[tv]*.*")) // ROW[name]

    peak = Peak()
    killed, status = run(command, peak, lambda: samples() >= total // 2)
    kept = samples()
    if status is not None or not kept or any(path.exists() for path in prepared.values()):
        raise RuntimeError(f"The first run must be killed half-way. Found exit status {status}.")
    again, status = run(command, peak, lambda: False)
    if status or work.exists():
        raise RuntimeError(f"The second run must end. Found exit status {status}.")
    CHECK[name](raw, prepared, counts)
    sizes = [sum(p.stat().st_size for p in where.iterdir()) / 1e9 for where in (raw, out)]
    print(
        f"{name}: {total:,} samples in {killed + again:.0f} s, {total / (killed + again):.0f} a "
        f"second; killed after {killed:.0f} s, {kept:,} samples of which the second run kept.\n"
        f"Peak memory of {peak.processes} processes: {peak.proportional:.0f} MiB proportional, "
        f"{peak.resident:.0f} MiB resident. Archives {sizes[0]:.2f} GB, prepared {sizes[1]:.2f} GB."
    )


def configs(folder: Path, counts: dict[str, int]) -> Path:
    """A copy of the configuration with other counts of CelebA's parts."""
    copy = folder / "configs"
    shutil.copytree(ROOT / "configs", copy)
    path = copy / "datasets.yaml"
    content = yaml.safe_load(path.read_text())
    content["celeba"]["parameters"]["counts"]["value"] = list(counts.values())
    path.write_text(yaml.safe_dump(content))
    return copy


def main() -> None:
    """Measure in a folder that is deleted afterwards."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=sorted(WRITE))
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--distinct", type=int, default=None)
    parser.add_argument("--share", type=float, default=100, help="percent of CelebA's pictures")
    arguments = parser.parse_args()
    distinct = arguments.distinct or DISTINCT[arguments.name]
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        measure(arguments.name, Path(folder), distinct, arguments.share / 100)


if __name__ == "__main__":
    main()
