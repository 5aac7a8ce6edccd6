"""Wrong wall clocks, one for each program of the stack: a small C library, and a file that says by how much.

The whole process sees it, Python's `datetime.now` and the web server's own code included, as on a host whose clock
jumps. Needs a C compiler; where there is none, clocks do not jump, and the run says so.
"""

import shutil
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

_SOURCE = Path(__file__).with_name("clock.c")
_NANOSECONDS = 1_000_000_000
_COMPILE_SECONDS = 60.0


class Clocks:
    """The wall clocks of these programs, as files of one folder."""

    def __init__(self, folder: Path, programs: Iterable[str]) -> None:
        self._folder, self.programs = folder, tuple(programs)
        self._library = folder / "clock.so"

    def make(self) -> bool:
        """Build the library; False where there is no compiler."""
        compiler = shutil.which("cc")
        if compiler is None:
            return False
        self._folder.mkdir(parents=True, exist_ok=True)
        for program in self.programs:
            self.set(program, 0.0)
        command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(self._library), str(_SOURCE)]
        subprocess.run(command, check=True, timeout=_COMPILE_SECONDS)
        return True

    @property
    def are_made(self) -> bool:
        return self._library.exists()

    def environment(self, program: str) -> dict[str, str]:
        """The variables with which the program sees its own clock; none where clocks do not jump."""
        if not self.are_made or program not in self.programs:
            return {}
        return {"LD_PRELOAD": str(self._library), "CHAOS_CLOCK_FILE": str(self._file(program))}

    def set(self, program: str, wrong_by_seconds: float) -> None:
        """The program's clock is wrong by so much from now on. The file keeps its place: processes have it mapped."""
        with self._file(program).open("r+b" if self._file(program).exists() else "wb") as file:
            file.write(struct.pack("=q", round(wrong_by_seconds * _NANOSECONDS)))

    def _file(self, program: str) -> Path:
        return self._folder / f"{program}.clock"
