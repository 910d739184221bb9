"""aica demo: it makes a server of its own, and says so if another one is named."""

import os
import tempfile


def test_another_root_or_configuration_is_refused_and_nothing_is_made(server, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = server.tree(times=True)
    answer = server.cli("demo")
    assert answer.code == 2 and "--root " + server.root in answer.err and "aica demo" in answer.err
    answer = server.cli("demo", "--config", "/etc/hosts")
    assert answer.code == 2 and answer.out == ""
    assert server.tree(times=True) == before and os.listdir(str(tmp_path)) == []
