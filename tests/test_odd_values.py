"""Numbers, names and files that no command should take as they are."""

import pytest

from commands import seqattn, told


@pytest.mark.parametrize("value", ["nan", "inf", "-1"])
@pytest.mark.parametrize("option", ["--length-penalty", "--temperature", "--top-p"])
def test_a_number_that_is_none_is_wrong_usage(work, option, value):
    result = seqattn("translate", work.run("lstm"), "--sample", option, value, input="red dog\n", status=2)
    assert option in result.stderr and result.stdout == ""


@pytest.mark.parametrize("option", ["--seed", "--threads", "--vocab-size"])
def test_a_number_beyond_all_reason_is_wrong_usage(work, tmp_path, option):
    arguments = ("train", "--train", work.train, "--arch", "lstm", "--out", tmp_path / "run")
    assert option in seqattn(*arguments, option, 10**25, status=2).stderr
    assert not (tmp_path / "run").exists()


def test_no_file_that_is_read_is_written_over(work, tmp_path):
    text = tmp_path / "text"
    text.write_text("red dog\n")
    assert "read from it" in seqattn("translate", work.run("lstm"), text, "--output", text, status=2).stderr
    assert text.read_text() == "red dog\n"
    before = work.test.read_bytes()
    evaluation = ("evaluate", work.run("lstm"), "--test", work.test, "--json", work.test)
    assert "read from it" in seqattn(*evaluation, status=2).stderr
    assert work.test.read_bytes() == before


def test_names_of_files_cannot_steer_the_terminal(tmp_path):
    said = told(seqattn("info", tmp_path / "no\x1b[31mpe\x07", status=1))
    assert "\x1b" not in said and "\x07" not in said and r"no\x1b[31mpe\x07" in said
