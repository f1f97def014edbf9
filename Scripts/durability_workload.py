"""What kill-test and powercut-test share: random commands of the real program on a store, what they should leave, and the check
that it is there after a crash."""
import argparse, collections, itertools, json, multiprocessing, os, random, selectors, shutil, struct, subprocess, sys, tempfile
import time, traceback
from dataclasses import dataclass, field

PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ENVIRONMENT = dict(os.environ, SWIFT_BACKTRACE="enable=no")
DIMENSIONS = 128
TABLE = [[byte % 199 - 99 for byte in random.Random(number).randbytes(DIMENSIONS - 2)] for number in range(4093)]
PACKED = [struct.pack(f"<{len(row)}f", *row) for row in TABLE]
PRINTED = [" ".join(map(str, row)).encode() for row in TABLE]


class Violation(Exception):
    """A promise was broken."""


# The vectors of labels are whole numbers, of which the second is the version. A label gets another one with each.
def row_number(label, version): return (label * 7919 + version * 104_729) % len(TABLE)


def packed(label, version):
    """A vector as it stands in a file."""
    return struct.pack("<2f", label % 1000, version) + PACKED[row_number(label, version)]


def printed(label, version):
    """A vector as `cairn get` prints it."""
    return b"%d %d %d " % (label, label % 1000, version) + PRINTED[row_number(label, version)]


def write_npy(path, element, shape, content):
    header = f"{{'descr': '{element}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    with open(path, "wb") as file: file.write(b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + content)


@dataclass
class State:
    """What a store holds: versions by label, of live vectors and of those marked deleted."""
    live: dict = field(default_factory=dict)
    marked: dict = field(default_factory=dict)
    ef: int = 50
    codes: str = "none"

    def copy(self): return State(dict(self.live), dict(self.marked), self.ef, self.codes)

    def apply(self, batch):
        for kind, label, version in batch:
            if kind == "put":
                self.marked.pop(label, None)
                self.live[label] = version
            elif kind == "mark": self.marked[label] = self.live.pop(label)
            elif kind == "undo": self.live[label] = self.marked.pop(label)
            elif kind == "erase":
                if self.live.pop(label, None) is None: del self.marked[label]
            elif kind == "ef": self.ef = version
            elif kind == "codes": self.codes = version


@dataclass
class Outlook:
    """The states in which a store may be: `state` after some of `batches`, from `first` to `last` of them. Without a state there
    is perhaps no store, or one as it was `made`."""
    state: State
    batches: list = field(default_factory=list)
    first: int = 0
    last: int = 0
    made: State = field(default_factory=State)

    @property
    def states(self):
        """One after the other, in the same object."""
        state = (self.state or self.made).copy()
        for done in range(self.last + 1):
            if done >= self.first: yield state
            if done < self.last: state.apply(self.batches[done])


@dataclass
class Operation:
    """A command, and the batches of changes it makes one after the other."""
    arguments: list
    batches: list
    acknowledges: bool = False
    durability: str = "full"
    interval: float = 0
    # Seconds that a crash waits for longer than it else would.
    patience: float = 0


class Workload:
    """Random operations on a store of about `size` vectors. `files`: a directory for their input, on a disk that stays."""

    def __init__(self, rng, store, files, size, durabilities):
        self.rng, self.store, self.files, self.size, self.durabilities = rng, store, files, size, durabilities
        self.state = None  # None: not made yet
        self.version = 0
        # Half of the stores begin with codes; all are given others now and then.
        self.codes = rng.choice(["none", "none", "sq8", "sq4"])
        self.log_bytes = rng.choice([None, None, 64 << 10, 256 << 10])

    def next(self):
        if self.state is None:
            self.graph_options = [
                "--ef-construction", self.rng.choice([20, 60, 200]), "-M", self.rng.choice([4, 16]),
                "--metric", self.rng.choice(["l2", "l2", "ip"])]
            return Operation(
                ["create", self.store, "--dim", DIMENSIONS, *self.graph_options, "--quantization", self.codes, "--quiet"], [])
        live, marked = len(self.state.live), len(self.state.marked)
        full = live + marked >= self.size
        kinds = {
            "add": 1 if full else 6, "upsert": 4, "mark": 2 if live else 0, "undo": 2 if marked else 0,
            "erase": (6 if full else 2) if live + marked else 0, "checkpoint": 1, "set": 1, "change_codes": 1,
            "stream": 1, "replace": 2 if marked else 0}
        return getattr(self, self.rng.choices(list(kinds), kinds.values())[0])()

    def some(self, labels, most):
        labels = sorted(labels)
        return self.rng.sample(labels, min(len(labels), self.rng.randint(1, max(1, self.rng.choice([3, most])))))

    def new_labels(self, count):
        found = set()
        while len(found) < count:
            label = self.rng.getrandbits(self.rng.choice([12, 20, 63, 64]))
            if label not in self.state.live and label not in self.state.marked: found.add(label)
        return self.rng.sample(sorted(found), count)

    def write_options(self):
        durability = self.rng.choice(self.durabilities)
        options, interval = ["--durability", durability, "--quiet"], 0
        if durability == "interval":
            interval = self.rng.choice([5, 20, 100])
            options += ["--interval", interval]
        if self.log_bytes: options += ["--log-bytes", self.log_bytes]
        return options, dict(durability=durability, interval=interval / 1000)

    def batches(self, changes, size=None):
        size = size or self.rng.randint(1, self.rng.choice([4, max(1, len(changes))]))
        return [changes[i:i + size] for i in range(0, len(changes), size)], ["--batch", size]

    def add(self): return self.put(self.new_labels(self.rng.randint(1, self.rng.choice([5, 50, max(50, self.size // 3)]))), [])

    def upsert(self):
        known = self.some(self.state.live | self.state.marked, self.size // 4) if self.state.live else []
        labels = known + self.new_labels(self.rng.choice([0, 1, 10]) if known else 3)
        self.rng.shuffle(labels)
        # A label that stands twice gets the last of its vectors.
        if len(labels) > 1 and self.rng.random() < 0.2: labels.append(labels[0])
        return self.put(labels, ["--upsert"])

    def stream(self):
        """A few labels over and over in small batches: long enough for a crash far from both ends."""
        labels = self.new_labels(2) + self.some(self.state.live, 4)
        operation = self.put([self.rng.choice(labels) for _ in range(2000)], ["--upsert"], self.rng.choice([1, 3]))
        operation.patience = self.rng.uniform(0, 1.0 if operation.durability == "interval" else 0.3)
        return operation

    def replace(self):
        """New vectors in the place of all that are marked; in one batch, as nothing says which of them goes first."""
        marked = sorted(self.state.marked)
        labels = self.new_labels(len(marked) + self.rng.choice([0, 3]))
        operation = self.put(labels, ["--replace-deleted"], len(labels))
        operation.batches[0][:0] = [("erase", label, 0) for label in marked]
        return operation

    def put(self, labels, options, batch=None):
        versions = [self.version + i for i in range(1, len(labels) + 1)]
        self.version += len(labels)
        write_npy(
            os.path.join(self.files, "vectors.npy"), "<f4", (len(labels), DIMENSIONS), b"".join(map(packed, labels, versions)))
        write_npy(os.path.join(self.files, "labels.npy"), "<u8", (len(labels),), struct.pack(f"<{len(labels)}Q", *labels))
        changes = [("put", label, version) for label, version in zip(labels, versions)]
        batches, size = self.batches(changes, batch)
        common, facts = self.write_options()
        return Operation(
            ["add", self.store, os.path.join(self.files, "vectors.npy"), "--labels", os.path.join(self.files, "labels.npy"),
             "--print-acknowledged", "--threads", self.rng.choice([1, 2])] + options + size + common,
            batches, acknowledges=True, **facts)

    def mark(self): return self.delete("mark", self.some(self.state.live, self.size // 4), [])
    def undo(self): return self.delete("undo", self.some(self.state.marked, self.size // 4), ["--undo"])

    def erase(self):
        return self.delete("erase", self.some(self.state.live | self.state.marked, self.size // 3), ["--erase"])

    def delete(self, kind, labels, options):
        changes = [(kind, label, 0) for label in labels]
        batches, size = self.batches(changes) if self.rng.random() < 0.5 else ([changes], [])
        common, facts = self.write_options()
        return Operation(["delete", self.store] + labels + options + size + common, batches, **facts)

    def checkpoint(self): return Operation(["checkpoint", self.store, "--quiet"], [])

    def set(self):
        ef = self.rng.randint(10, 500)
        return Operation(["set", self.store, "--ef", ef, "--quiet"], [[("ef", 0, ef)]])

    def change_codes(self):
        codes = self.rng.choice(["none", "sq8", "sq8", "sq4", "sq4"])
        return Operation(["quantize", self.store, codes, "--quiet"], [[("codes", 0, codes)]])


def run(cairn, *arguments):
    """The output of a command that must succeed."""
    found = subprocess.run([cairn, *map(str, arguments)], env=ENVIRONMENT, capture_output=True)
    if found.returncode != 0:
        raise Violation(f"cairn {arguments[0]} ended with {found.returncode}: {found.stderr.decode().strip()[:500]}")
    return found.stdout


class Trial:
    """A store that is changed, crashed and checked again and again. `crash` is called with the running process to take it and
    what it did away, and returns the moment of that; `keeps_cache` says whether what a process wrote outlives it."""

    def __init__(self, cairn, workload, crash, keeps_cache):
        self.cairn, self.workload, self.crash, self.keeps_cache = cairn, workload, crash, keeps_cache
        self.outlook = Outlook(None)
        self.history = collections.deque(maxlen=8)
        self.findability = Findability()

    def run_until(self, deadline):
        """Runs commands until the moment `deadline`, then crashes; keeps what the store may hold after it."""
        while True:
            operation = self.workload.next()
            deadline += operation.patience
            crashed, code, lines, cut, errors = self.execute(operation, deadline)
            # A sync that the cut comes into may return as if all were well: only what was said before counts.
            if crashed and not self.keeps_cache:
                lines, code = [line for line in lines if line[0] < cut], None
            self.note(operation, crashed, code, lines)
            if not crashed and code != 0:
                raise Violation(f"cairn {operation.arguments[0]} ended with {code}: {errors.strip()[:500]}")
            self.outlook = self.expect(operation, code == 0, lines, cut)
            if crashed: return
            *_, self.workload.state = self.outlook.states

    @property
    def story(self):
        return "what happened last:\n" + "\n".join("  " + line for line in self.history)

    def note(self, operation, crashed, code, lines):
        options = [str(word) for word in operation.arguments if not str(word).isdigit() and "/" not in str(word)]
        acknowledged = f", {lines[-1][1] if lines else 0} rows acknowledged" if operation.acknowledges else ""
        self.history.append(
            f"{' '.join(options)} ({len(operation.batches)} batches): {'crashed' if crashed else f'exit {code}'}{acknowledged}")

    def execute(self, operation, deadline):
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [self.cairn, *map(str, operation.arguments)], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=errors)
            os.set_blocking(process.stdout.fileno(), False)
            output, lines, crashed, cut = b"", [], False, None
            with selectors.DefaultSelector() as selector:
                selector.register(process.stdout, selectors.EVENT_READ)
                while True:
                    left = deadline - time.monotonic()
                    if left <= 0 and not crashed:
                        crashed, cut = True, self.crash(process)
                    if not selector.select(None if crashed else left): continue
                    piece = os.read(process.stdout.fileno(), 1 << 16)
                    if not piece: break
                    now = time.monotonic()
                    output += piece
                    *whole, output = output.split(b"\n")
                    lines += [(now, int(line)) for line in whole]
            process.stdout.close()
            code = process.wait()
            errors.seek(0)
            return crashed, code, lines, cut, errors.read().decode(errors="replace")

    def expect(self, operation, is_done, lines, cut):
        """What the store may be after an operation that said `lines`."""
        if operation.arguments[0] == "create":
            made = State(codes=self.workload.codes)
            return Outlook(made if is_done else None, made=made)
        ends = list(itertools.accumulate(sum(kind == "put" for kind, *_ in batch) for batch in operation.batches))
        if [total for _, total in lines] != ends[:len(lines)]:
            raise Violation(f"acknowledged {[total for _, total in lines][-3:]}, the batches end at {ends}")
        first, last = 0, len(ends)
        if is_done: first = last
        elif operation.acknowledges:
            if self.keeps_cache: last = min(last, len(lines) + 1)
            if self.keeps_cache or operation.durability == "full": first = len(lines)
            elif operation.durability == "interval":
                # What was acknowledged in time, with what a busy machine may be late.
                first = sum(1 for moment, _ in lines if moment < cut - operation.interval - 0.5)
        return Outlook(self.workload.state, operation.batches, first, last)

    def check(self):
        """Checks what the crash left, sometimes to the last link; returns the number of vectors compared."""
        count = self.compare()
        if self.workload.rng.random() < 0.25: self.verify()
        return count

    def compare(self):
        """Reads the store and finds which state it is in; returns the number of vectors compared."""
        if not os.path.lexists(self.workload.store):
            if self.outlook.state is not None: raise Violation("the store is gone")
            return 0
        labels = [int(line) for line in run(self.cairn, "labels", self.workload.store).split()]
        if len(set(labels)) != len(labels): raise Violation("a label is there twice")
        live = {}
        if labels:
            lines = run(self.cairn, "get", self.workload.store, *labels).split(b"\n")[:-1]
            if [int(line.split(b" ", 1)[0]) for line in lines] != labels: raise Violation("get gave other labels")
            for label, line in zip(labels, lines):
                version = line.split(b" ", 3)[2]
                if not version.isdigit() or line != printed(label, int(version)):
                    raise Violation(f"the vector of label {label} is not one that was ever given: {line[:200]!r}")
                live[label] = int(version)
        info = json.loads(run(self.cairn, "info", self.workload.store, "--output", "json"))
        if info["count"] != len(live): raise Violation(f"info counts {info['count']} vectors, there are {len(live)}")
        for state in self.outlook.states:
            if (state.live == live and len(state.marked) == info["deleted"]
                    and (state.ef, state.codes) == (info["ef"], info["quantization"])):
                self.workload.state = state
                self.outlook = Outlook(state)
                self.history.append(f"checked: {len(live)} vectors, {info['deleted']} marked")
                return len(live)
        raise Violation(self.difference(live, info))

    def difference(self, live, info):
        parts = []
        for name, last in ("the first", self.outlook.first), ("the last", self.outlook.last):
            *_, state = Outlook(self.outlook.state, self.outlook.batches, last, last).states
            lost = [label for label in state.live if label not in live]
            extra = [label for label in live if label not in state.live]
            other = [label for label in live if state.live.get(label, live[label]) != live[label]]
            parts.append(
                f"{name}: {len(lost)} missing {lost[:3]}, {len(extra)} too many {extra[:3]}, {len(other)} of another version "
                f"{other[:3]}, {info['deleted']} marked instead of {len(state.marked)}, ef {info['ef']} instead of {state.ef}, quantization {info['quantization']} instead of {state.codes}")
        states = self.outlook.last - self.outlook.first + 1
        return f"the store is in none of {states} possible states\n  " + "\n  ".join(parts)

    def verify(self):
        """The deep check, which must find nothing."""
        if self.workload.state is None: return
        facts = self.searched(self.workload.store)
        self.findability.searched += facts["count"]
        self.findability.missed += facts["missed"]
        if facts["missed"]: self.findability.missed_when_new += self.missed_when_new()

    def searched(self, store):
        """What `cairn verify` says of a sound store, with a search for each vector."""
        found = subprocess.run(
            [self.cairn, "verify", store, "--depth", "searches", "--output", "json"], env=ENVIRONMENT, capture_output=True)
        if found.returncode != 0:
            raise Violation(f"cairn verify ended with {found.returncode}: {(found.stdout + found.stderr).decode().strip()[:2000]}")
        return json.loads(found.stdout)

    def missed_when_new(self):
        """How many vectors searches miss in a new store of the same vectors."""
        live, files = self.workload.state.live, self.workload.files
        vectors, labels, store = (os.path.join(files, name) for name in ("new.npy", "new-labels.npy", "new.cairn"))
        write_npy(vectors, "<f4", (len(live), DIMENSIONS), b"".join(packed(label, version) for label, version in live.items()))
        write_npy(labels, "<u8", (len(live),), struct.pack(f"<{len(live)}Q", *live))
        run(self.cairn, "build", store, vectors, "--labels", labels, *self.workload.graph_options, "--ef", self.workload.state.ef,
            "--quantization", self.workload.state.codes, "--quiet")
        missed = self.searched(store)["missed"]
        shutil.rmtree(store)
        return missed


@dataclass
class Findability:
    """How many vectors were searched for by themselves, and not found; of stores with such, how many a new store does not find."""
    searched: int = 0
    missed: int = 0
    missed_when_new: int = 0

    def take(self):
        """What was counted since the last time."""
        taken = Findability(self.searched, self.missed, self.missed_when_new)
        self.__init__()
        return taken

    def add(self, other):
        self.searched += other.searched
        self.missed += other.missed
        self.missed_when_new += other.missed_when_new

    @property
    def is_good(self):
        """No more are missed than in new stores, within one in a thousand; of few, two are no sign of anything."""
        return self.missed - self.missed_when_new <= max(2, self.searched / 1000)


def random_delay(rng):
    """Seconds until the crash: most within the time of one command, some later."""
    return rng.uniform(0, rng.choices([0.06, 0.02, 0.3, 1], [60, 30, 8, 2])[0])


def arguments(description, noun):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("count", type=int, help=f"how many {noun}")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the same commands again (not the same moments)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="stores beside each other")
    parser.add_argument("--durability", default="full,interval,none", help="levels to choose from")
    parser.add_argument("--cairn", default=os.path.join(PROJECT, ".build/release/cairn"), help="the program")
    options = parser.parse_args()
    if options.count < 1 or options.jobs < 1: parser.error("count and --jobs must be 1 or more")
    if not os.access(options.cairn, os.X_OK): parser.error(f"{options.cairn} is not there; make it with: make release")
    return options


def work(worker, options, index, tickets, results, stop):
    """One process of a campaign: crashes until there are no tickets left or somebody found a violation."""
    def next_ticket():
        with tickets.get_lock():
            if tickets.value == 0 or stop.is_set(): return False
            tickets.value -= 1
            return True
    try:
        worker(options, random.Random(options.seed * 1000 + index), next_ticket, lambda *found: results.put(("crash", found)))
        results.put(("end", None))
    except Violation as violation:
        stop.set()
        results.put(("violation", str(violation)))
    except KeyboardInterrupt:
        results.put(("end", None))
    except Exception:
        stop.set()
        results.put(("error", traceback.format_exc()))


def campaign(worker, options, noun):
    """Runs `worker` in --jobs processes, prints a line a second and the last one; returns the exit status."""
    print(f"seed {options.seed}", flush=True)
    tickets, stop, results = multiprocessing.Value("i", options.count), multiprocessing.Event(), multiprocessing.Queue()
    processes = [
        multiprocessing.Process(target=work, args=(worker, options, index, tickets, results, stop))
        for index in range(options.jobs)]
    start = printed = time.monotonic()
    for process in processes: process.start()
    crashes, rows, status, running, problems, findability = 0, 0, 0, len(processes), 0, Findability()
    try:
        while running:
            kind, value = results.get()
            if kind == "crash":
                crashes += 1
                rows += value[0]
                findability.add(value[1])
            else:
                running -= 1
            if kind in ("violation", "error"):
                status, problems = 1, problems + 1
                print(f"{kind}: {value}", file=sys.stderr, flush=True)
            now = time.monotonic()
            if now - printed >= 1:
                printed = now
                print(f"{crashes}/{options.count} {noun}, {crashes / (now - start):.1f} a second, {rows} rows checked", flush=True)
    except KeyboardInterrupt:
        stop.set()
        status = 130
    for process in processes: process.join()
    print(
        f"{findability.searched} vectors searched for by themselves: {findability.missed} missed, {findability.missed_when_new} in new stores "
        f"of the same vectors")
    if status == 0 and not findability.is_good: status = 1
    print(f"{crashes} {noun}, {rows} acknowledged rows checked, {problems} lost")
    return status


def keep(path, prefix):
    """A copy of a store, or of an image, that outlives the test."""
    directory = tempfile.mkdtemp(prefix=prefix)
    kept = os.path.join(directory, os.path.basename(path))
    if os.path.isdir(path): shutil.copytree(path, kept)
    elif os.path.exists(path): subprocess.run(["cp", "--sparse=always", path, kept], check=True)
    return kept
