"""The command line as tests use it: in this process, on a folder of the test's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.cli import main


@dataclass(frozen=True, slots=True)
class CommandLine:
    """Runs ``gateway`` commands on one folder; sign-ins cost nothing there."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> str:
        """Run a command that does what it is asked; return standard output."""
        status, out = self.run_any(*arguments)
        assert status == 0, out
        return out

    def run_any(self, *arguments: str) -> tuple[int, str]:
        """Run a command that has no complaint; return exit status and standard output."""
        status = main(arguments)
        out, err = self.capsys.readouterr()
        assert err == ""
        return status, out

    def refused(self, *arguments: str, status: int = 1) -> list[str]:
        """Run a command that fails; return what it said on standard error."""
        found = main(arguments)
        out, err = self.capsys.readouterr()
        assert (found, out) == (status, ""), err
        assert "Traceback" not in err
        return err.splitlines()

    def misused(self, *arguments: str) -> str:
        """Run what the parser does not take; return what it said."""
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
        return self.capsys.readouterr().err

    def fields(self, *arguments: str) -> dict[str, str]:
        """Return the lines ``name   value`` of a command's output."""
        pairs = (line.rsplit(None, 1) for line in self.run(*arguments).splitlines())
        return {name.strip(): value for name, value in pairs}
