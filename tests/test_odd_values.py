"""Numbers, names and files that commands should refuse or escape."""

import pytest

from commands import error_of, seqattn


@pytest.mark.parametrize("value", ["nan", "inf", "-1"])
@pytest.mark.parametrize("option", ["--length-penalty", "--temperature", "--top-p"])
def test_a_number_that_is_not_finite_is_a_usage_error(work, option, value):
    result = seqattn("translate", work.run("lstm"), "--sample", option, value, input="red dog\n", status=2)
    assert option in result.stderr and result.stdout == ""


@pytest.mark.parametrize("option", ["--seed", "--threads", "--vocab-size"])
def test_an_absurdly_large_number_is_a_usage_error(work, tmp_path, option):
    arguments = ("train", "--train", work.train, "--arch", "lstm", "--out", tmp_path / "run")
    assert option in seqattn(*arguments, option, 10**25, status=2).stderr
    assert not (tmp_path / "run").exists()


def test_no_input_file_is_overwritten(work, tmp_path):
    text = tmp_path / "text"
    text.write_text("red dog\n")
    assert "also an input" in seqattn("translate", work.run("lstm"), text, "--output", text, status=2).stderr
    assert text.read_text() == "red dog\n"
    before = work.test.read_bytes()
    evaluation = ("evaluate", work.run("lstm"), "--test", work.test, "--json", work.test)
    assert "is also an input" in seqattn(*evaluation, status=2).stderr
    assert work.test.read_bytes() == before


def test_file_names_cannot_control_the_terminal(tmp_path):
    message = error_of(seqattn("info", tmp_path / "no\x1b[31mpe\x07", status=1))
    assert "\x1b" not in message and "\x07" not in message and r"no\x1b[31mpe\x07" in message
