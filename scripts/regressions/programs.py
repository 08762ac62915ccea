"""index_build and wfgy_eval, with what they made kept in a folder and not made twice."""

import json
import os
import shutil
import subprocess

VERDICTS = {0: "pass", 1: "fail", 3: "inconclusive"}


class Failed(Exception):
    """A program that did not do what it was asked."""


class Programs:
    """`folder` holds the programs, `work` what they make."""

    def __init__(self, folder, work):
        self.folder, self.work = folder, work

    def run(self, program, args, allowed=(0,), environment=None):
        line = [os.path.join(self.folder, program)] + args
        ran = subprocess.run(line, capture_output=True, text=True, env=dict(os.environ, **(environment or {})))
        if ran.returncode not in allowed:
            raise Failed("%s\nexit %d\n%s" % (" ".join(line), ran.returncode, ran.stderr.strip()))
        return ran

    def version(self):
        """{"commit": …, "kernel": …} and what else wfgy_eval says of itself."""
        lines = self.run("wfgy_eval", ["--version"]).stdout.splitlines()
        return dict(line.split(": ", 1) for line in lines if ": " in line)

    def path(self, *parts):
        return os.path.join(self.work, *parts)

    def corpus(self, name, documents):
        """Writes a corpus; its path."""
        path = self.path("corpora", name + ".json")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            json.dump({"documents": documents}, f, ensure_ascii=False)
        return path

    def index(self, name, make):
        """The index of this name; `make(path)` makes it where it is not there yet."""
        path = self.path("indexes", name)
        if not os.path.isdir(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            part = path + ".part"
            shutil.rmtree(part, ignore_errors=True)
            make(part)
            os.rename(part, path)
        return path

    def evaluate(self, name, index, gold, flags):
        """(verdict, report) of an evaluation, always made anew."""
        out = self.path("reports", name)
        shutil.rmtree(out, ignore_errors=True)
        os.makedirs(os.path.dirname(out), exist_ok=True)
        ran = self.run("wfgy_eval", ["--gold", gold, "--index", index, "--out", out, "--no-file", "--format", "json",
                                     "--store", self.path("store")] + flags, allowed=VERDICTS)
        with open(os.path.join(out, "report.json"), encoding="utf-8") as f:
            return VERDICTS[ran.returncode], json.load(f)
