"""Completion: what the shells offer is what the command line takes."""

import subprocess
from pathlib import Path

import pytest
from tests.cli.calling import Called, command, environment

from dora_exporter.cli import COMMANDS

ASK = """
source ./script
COMP_WORDS=({words}) COMP_CWORD={last}
_shtab_dora_exporter dora-exporter "${{COMP_WORDS[$COMP_CWORD]}}"
printf '%s\n' "${{COMPREPLY[@]}}"
"""


def offered(folder: Path, *words: str) -> set[str]:
    """What bash offers for the last of the words that are typed."""
    program = ASK.format(words=" ".join(f"'{word}'" for word in ("dora-exporter", *words)), last=len(words))
    ran = subprocess.run(
        ["bash", "-c", program], cwd=folder, env=environment(), capture_output=True, text=True, check=True, timeout=30
    )
    return set(ran.stdout.split())


@pytest.mark.parametrize(
    ("words", "some"),
    [
        (("",), set(COMMANDS)),
        (("de",), {"demo"}),
        (("--config",), {"--config.file", "--config.check"}),
        (("demo", "--"), {"--seed", "--days", "--haste", "--web.listen-address"}),
        (("send", ""), {"deployment", "incident"}),
        (("send", "deployment", "--s"), {"--service", "--since"}),
        (("--log.level", ""), {"debug", "info", "warn", "error"}),
        (("import", "gi"), {"given.csv"}),
        (("completion", ""), {"bash", "zsh", "fish"}),
        (("webhook", ""), {"try"}),
        (("webhook", "try", "--s"), {"--source", "--secrets-dir"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bash_completes(words: tuple[str, ...], some: set[str], called: Called, tmp_path: Path) -> None:
    (tmp_path / "script").write_text(called("completion", "bash").output)
    (tmp_path / "given.csv").touch()
    assert some <= offered(tmp_path, *words)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_know_every_command(shell: str, called: Called) -> None:
    script = called("completion", shell).output
    assert all(each in script for each in (*COMMANDS, "config.check", "api-key-file"))


@pytest.mark.e2e
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_can_read_its_script(shell: str, called: Called, tmp_path: Path) -> None:
    (tmp_path / "script").write_text(called("completion", shell).output)
    read = subprocess.run([shell, "-n", tmp_path / "script"], capture_output=True, text=True, check=False, timeout=30)
    assert (read.returncode, read.stderr) == (0, "")


def test_another_shell_is_refused() -> None:
    ended = subprocess.run(command("completion", "csh"), capture_output=True, text=True, check=False, timeout=30)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "invalid choice: 'csh'" in ended.stderr
