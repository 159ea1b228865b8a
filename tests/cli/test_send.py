"""``dora-exporter send`` is ``dora-send`` under another name."""

import pytest

from dora_exporter.cli.send import run


def test_it_takes_the_arguments_and_calls_itself_by_its_own_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["deployment", "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("usage: dora-exporter send deployment ")
