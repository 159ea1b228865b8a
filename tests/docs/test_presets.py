"""The pages of presets say what their files say."""

import re

from tests.docs import manual, preset_table


def test_the_table_of_presets_is_what_their_files_say() -> None:
    assert manual.table(manual.page_with("presets").text, "presets") == preset_table.rows()


def test_every_preset_has_a_block_to_copy() -> None:
    everything = "\n".join(page.text for page in manual.pages())
    copied = re.findall(r"^    preset: (\w+)$", everything, re.MULTILINE)

    assert set(copied) == {manual.code(row[0]) for row in preset_table.rows()}
