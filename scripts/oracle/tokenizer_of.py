"""The tokenizer that TOK_VER names: the model's own, or the built-in WordPiece.

TOK_VER is `name@sha256:HEX`; HEX is the digest of the model's tokenizer.json,
or of the built-in vocabulary (one token a line, no special tokens).
"""

import hashlib
import os

import static_table
import wordpiece


def default_model():
    """Where scripts/fetch_model.sh puts the sentence encoder."""
    home = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return os.environ.get("WFGY_MODEL") or os.path.join(home, "wfgy", "models", "all-MiniLM-L6-v2")


def _digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def from_vocabulary(raw):
    """The built-in WordPiece over a vocabulary's bytes."""
    lines = raw.decode("utf-8").split("\n")
    if lines[-1] == "":
        lines.pop()
    return wordpiece.WordPiece({line.rstrip("\r"): i for i, line in enumerate(lines)})


def load(identity, model_dir):
    """The tokenizer whose content TOK_VER names; ValueError where there is none."""
    want = identity["TOK_VER"].rpartition("sha256:")[2]
    path = os.path.join(model_dir, "tokenizer.json")
    if os.path.isfile(path) and _digest(path) == want:
        return wordpiece.load(model_dir)
    raw = static_table.vocabulary(want)
    if raw is not None:
        return from_vocabulary(raw)
    raise ValueError("TOK_VER %s is neither %s nor the built-in vocabulary; give --model the folder "
                     "that the index was built with" % (identity["TOK_VER"], path))
