"""What the comparisons need: an environment, this project's side, rounds, a record."""

import csv
import datetime
import json
import os
import pathlib
import select
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "wfgy"


def in_environment(name, packages):
    """Runs the calling script again in a virtual environment that holds `packages`."""
    folder = CACHE / name
    python = folder / "bin" / "python3"
    if pathlib.Path(sys.prefix) == folder:
        return
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages], check=True)
    # A peer chooses for this processor, whatever the shell had in mind.
    clean = {key: value for key, value in os.environ.items() if not key.startswith("OPENBLAS_")}
    os.execve(python, [python, *sys.argv], clean)


def model_folder():
    home = os.environ.get("XDG_DATA_HOME", os.path.expanduser("~/.local/share"))
    folder = os.environ.get("WFGY_MODEL", f"{home}/wfgy/models/all-MiniLM-L6-v2")
    if not os.path.isfile(f"{folder}/model.safetensors"):
        sys.exit(f"{folder}: no model.safetensors; run scripts/fetch_model.sh")
    return folder


def build():
    """The program of embed.rs, built for release."""
    command = ["cargo", "bench", "-p", "wfgy-embed", "--bench", "embed", "--no-run", "--message-format=json"]
    lines = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    made = [m["executable"] for m in map(json.loads, lines) if m.get("executable")]
    return made[-1]


def programs():
    """Every program of the workspace, built for release."""
    command = ["cargo", "build", "--release", "--workspace", "--locked", "--message-format=json"]
    lines = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    made = [m["executable"] for m in map(json.loads, lines) if m.get("executable")]
    return {pathlib.Path(path).name: path for path in made}


def kernel_path(program):
    """The kernel path that a program of this project takes here, as its --version says."""
    said = subprocess.run([program, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)["kernel"]


def fresh(command, codes):
    """(wall seconds, processor seconds, peak of anonymous and of resident memory in MiB).

    Resident is VmHWM of the program alone; ru_maxrss would begin at the size of this process.
    """
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peaks, status = {"RssAnon": 0, "VmHWM": 0}, pathlib.Path(f"/proc/{process.pid}/status")
    ended, descriptor = select.poll(), os.pidfd_open(process.pid)
    ended.register(descriptor, select.POLLIN)
    while True:
        for name, _, value in (line.partition(":") for line in status.read_text().splitlines()):
            if name in peaks:
                peaks[name] = max(peaks[name], int(value.split()[0]))
        if ended.poll(2):
            break
    wall = time.perf_counter() - begun
    os.close(descriptor)
    _, code, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode not in codes:
        sys.exit(f"{' '.join(map(str, command))}: exit code {process.returncode}")
    return wall, used.ru_utime + used.ru_stime, *(peak / 1024 for peak in peaks.values())


def corpus(path, size, rest):
    """Writes the handbook of gold/, then the records that `rest(count)` gives, up to `size` sections."""
    with open(ROOT / "gold" / "corpus_vB.json", encoding="utf-8") as file:
        documents = json.load(file)["documents"]
    with open(path, "w", encoding="utf-8") as out:
        for document in documents:
            out.write(json.dumps(document, ensure_ascii=False) + "\n")
        out.writelines(rest(size - sum(len(document["sections"]) for document in documents)))


def passages(index):
    """What was embedded of every section of an index, in the order of the snippets (one a section)."""
    with open(index / "sections.jsonl", encoding="utf-8") as lines:
        for section in map(json.loads, lines):
            title = section.get("title")
            yield f"{title} {section['text']}" if title else section["text"]


class Ours:
    """A process of embed.rs that embeds the texts of a file, or cuts them into tokens, once a round."""

    def __init__(self, program, model, path, threads, texts):
        self.process = subprocess.Popen([program, model, path, str(threads), texts], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit("embed ended early")
        return float(answer)

    def cpu(self):
        """Seconds of processor time so far, in nanoseconds: the clock that clock_getcpuclockid(3) names."""
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def timed(self, line):
        """A side: wall and processor seconds of `line`."""
        def run():
            before = self.cpu()
            wall = self.ask(line)
            return wall, self.cpu() - before
        return run


def timed(work):
    """A side in this process: wall and processor seconds of `work()`."""
    def run():
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        return time.perf_counter() - wall, time.process_time() - cpu
    return run


def interleaved(sides, rounds):
    """{side: [(wall, cpu) a round]}, every side once a round, in turn; idle threads of one side, which
    may spin for a while, have come to rest before the next begins."""
    seen = {name: [] for name in sides}
    for side in sides.values():
        side()
    for _ in range(rounds):
        for name, side in sides.items():
            time.sleep(0.2)
            seen[name].append(side())
    return seen


def median(seen, name, what):
    return statistics.median(pair[what] for pair in seen[name])


def share(seen, part, whole):
    """What a part takes of the whole, by medians of wall and of processor time."""
    wall, cpu = (median(seen, part, what) / median(seen, whole, what) for what in (0, 1))
    return f"{wall:.1%} of wall time, {cpu:.1%} of processor time"


def revision():
    """The commit, with a + where files differ from it."""
    git = lambda *a: subprocess.run(["git", *a], cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout.strip()
    return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")


class Record:
    """The raw data of one run of a comparison, under benches/runs/.

    Rows of this project name their kernel path: as their side, or, where `program` of this project
    chose one for all of them, in the first line of the file.
    """

    def __init__(self, name, program=None):
        self.commit = revision()
        fields = dict(map(str.strip, line.split(":", 1)) for line in open("/proc/cpuinfo") if ":" in line)
        # A model name can be that of every generation; family and model tell which.
        self.cpu = " ".join([fields.get("model name", "unknown"), *(f"{name} {fields[name]}" for name in
                            ("cpu family", "model") if name in fields)])
        folder = ROOT / "benches" / "runs"
        folder.mkdir(exist_ok=True)
        day = datetime.date.today().isoformat()
        self.path = folder / f"{day}-{name}-{self.commit.rstrip('+')}.csv"
        self.rows, self.notes = [], []
        if program:
            self.note("kernel", kernel_path(program))

    def note(self, name, value):
        """What is said of the run as a whole: a comment in front of the rows."""
        self.notes.append(f"# {name}: {value}\n")

    def add(self, work, texts, threads, side, seen):
        """Rounds of a side: wall and processor seconds, then MiB: anonymous, resident, on disk."""
        for i, (wall, cpu, *sizes) in enumerate(seen):
            self.rows.append([self.commit, self.cpu, os.cpu_count(), work, texts, threads, side, i, f"{wall:.6f}",
                              f"{cpu:.4f}", *(f"{mib:.1f}" for mib in sizes)])

    def write(self):
        with open(self.path, "w", newline="", encoding="utf-8") as f:
            f.writelines(self.notes)
            out = csv.writer(f, lineterminator="\n")
            columns = "commit cpu cores work texts threads side round wall_s cpu_s anonymous_mib resident_mib disk_mib".split()
            out.writerow(columns[: len(self.rows[0])])
            out.writerows(self.rows)
        print(f"raw data: {self.path.relative_to(ROOT)}")
