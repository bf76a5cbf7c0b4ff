"""A real headless Chromium, for tests of the report: what it shows, says and asks for."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--force-color-profile=srgb", "--enable-logging=stderr",
]  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DARK = "--blink-settings=preferredColorScheme=0"
# Reads what a script inside the page found; written by `Browser.ask`.
ANSWER = re.compile(r'<script type="text/plain" id="answer">(.*?)</script>', re.DOTALL)
ASK = """
<script>
const complaints = [];
addEventListener("error", event => complaints.push(String(event.message)), true);
addEventListener("securitypolicyviolation", event => complaints.push(event.blockedURI));
addEventListener("load", () => setTimeout(() => {
  let answer;
  try { answer = (() => { %s })(); } catch (error) { answer = "failed: " + error; }
  const place = document.createElement("script");
  place.type = "text/plain"; place.id = "answer";
  const asked = performance.getEntriesByType("resource").map(entry => entry.name);
  place.textContent = JSON.stringify({ answer, complaints, asked }).replaceAll("<", "\\\\u003c");
  document.body.append(place);
}));
</script>
"""


@dataclass
class Browser:
    """Chromium with a folder for what it writes."""

    program: str
    folder: Path

    def run(self, page: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Open a page with some of the browser's own arguments."""
        profile = self.folder / "profile"
        command = [self.program, *FLAGS, f"--user-data-dir={profile}", *arguments, page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        shutil.rmtree(profile, ignore_errors=True)
        return done

    def ask(self, page: Path, script: str, *arguments: str) -> dict:
        """What `script` returns inside the page, and the page's complaints, requests and console."""
        asked = self.folder / f"asked_{page.name}"
        asked.write_text(page.read_text().replace("<head>", "<head>" + ASK % script, 1))
        done = self.run(asked, "--virtual-time-budget=5000", "--dump-dom", *arguments)
        found = json.loads(ANSWER.search(done.stdout)[1])
        lines = done.stderr.splitlines()
        return found | {"console": [line for line in lines if "CONSOLE" in line]}


def find(folder: Path) -> Browser:
    """The browser of this machine; the test is skipped where there is none."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium here: `apt-get install chromium` to look at the report")
    return Browser(program, folder)
