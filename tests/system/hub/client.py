"""What a member does with a model, by the client that is in PYTHONPATH: python3 client.py WORD."""

import os
import sys

import huggingface_hub

NAME = "team/model"


def download(**options):
    """Get the whole model; print what was read."""
    folder = huggingface_hub.snapshot_download(NAME, **options)
    for name in ("config.json", "model.bin"):
        with open(os.path.join(folder, name), "rb") as data:
            content = data.read()
        print(name, len(content), content[:14].decode().strip())


def delete():
    """Remove every version of every model."""
    cache = huggingface_hub.scan_cache_dir()
    versions = [version.commit_hash for repo in cache.repos for version in repo.revisions]
    cache.delete_revisions(*versions).execute()
    left = huggingface_hub.scan_cache_dir()
    print("left", len(left.repos), len(left.warnings))


WORDS = {
    "download": download,
    "force": lambda: download(force_download=True),
    "delete": delete,
    "login": lambda: huggingface_hub.login(token="hf_" + os.environ["USER"]),
    "whoami": lambda: print(huggingface_hub.whoami()["name"]),
}

if __name__ == "__main__":
    print("client", huggingface_hub.__version__)
    WORDS[sys.argv[1]]()
