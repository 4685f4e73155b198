"""gdb for programs that use weft: what each task does, on a process or on a core file.

    gdb -x tools/weft-gdb.py PROGRAM PID        (or PROGRAM core)
    (gdb) weft tasks            every task: number, name, route, where it was started, what it waits for, who has that
    (gdb) weft tree             the same as a tree, with the scopes
    (gdb) weft bt N             the stack of task N
    (gdb) weft frame N          go there: `up`, `down`, `info locals` are those of task N; `weft frame` goes back

It reads the program's own debug information (weft's library is built with it), and changes nothing in the process. Of a
process on this machine ages are those of now, of a core file those of the loop's last turn. gdb's own `gcore` leaves the
stacks of tasks out where their guards are part of the mapping (Linux 6.13 and later): let the kernel write the core.
"""
import time

import gdb
import gdb.unwinder

PARKED, READY = 2, 1
HOLDERS_SHOWN = 3
TASKS_MAX = 100000
LIST_MAX = 20000


def text(value):
    if int(value) == 0:
        return ""
    try:
        return value.string(errors="replace")
    except gdb.MemoryError:
        return "(unreadable)"


def pointer(value):
    return int(value)


def duration(ns):
    ms = max(0, ns) // 1000000
    seconds = ms // 1000
    if ms < 1000:
        return "%d ms" % ms
    if seconds < 60:
        return "%d.%02d s" % (seconds, ms % 1000 // 10)
    if seconds < 3600:
        return "%d min %d s" % (seconds // 60, seconds % 60)
    return "%d h %d min" % (seconds // 3600, seconds // 60 % 60)


def now_of(loop):
    """The loop's clock; of a process on this machine that clock itself, as long as the loop does not turn."""
    turn = int(loop["now_ns"])
    connection = getattr(gdb.selected_inferior(), "connection", None)
    if connection is None or connection.type != "native" or bool(loop["traced"]):
        return turn
    return max(turn, time.monotonic_ns())


def type_of(name):
    try:
        return gdb.lookup_type(name)
    except gdb.error:
        raise gdb.GdbError("no type %s: the program has no debug information of weft" % name)


# ---- loops, scopes and tasks ----

def loop_of_thread():
    """The loop of the selected thread, or None. A thread-local, or where that cannot be read, what a frame says."""
    try:
        loop = gdb.parse_and_eval("weft__the_loop")
        return loop if pointer(loop) else None
    except gdb.error:
        pass
    frame = gdb.newest_frame()
    while frame is not None:
        if frame.name() == "weft__loop_run":
            try:
                return frame.read_var("loop")
            except (ValueError, gdb.error):
                return None
        frame = frame.older()
    return None


def loops():
    """Each loop with the thread it runs on."""
    before, found = gdb.selected_thread(), []
    if before is None:
        raise gdb.GdbError("no process and no core file: start the program, or `attach`, or `core`")
    for thread in sorted(gdb.selected_inferior().threads(), key=lambda t: t.num):
        thread.switch()
        loop = loop_of_thread()
        if loop is not None and all(pointer(loop) != pointer(other) for other, _ in found):
            found.append((loop.dereference(), thread))
    before.switch()
    if not found:
        raise gdb.GdbError("no thread of this program is in weft_run or weft_serve")
    return found


def chain(first):
    """What hangs together by `next`. In memory that something has written over it may lead in a circle."""
    count = 0
    while pointer(first):
        if count == LIST_MAX:
            print("weft: a list of more than %d: is the memory broken?" % LIST_MAX)
            return
        yield first
        first, count = first["next"], count + 1


def oldest(scope):
    """A list of scopes has its newest in front."""
    for last in chain(scope):
        scope = last
    return scope


def walk(loop):
    """(scope, depth) of all below the loop's own, a scope before those in it, older ones first."""
    top, depth, count = loop["top"].address, 0, 0
    scope = top
    while count < TASKS_MAX:
        if pointer(scope["first_child"]):
            scope, depth = oldest(scope["first_child"]), depth + 1
        else:
            while pointer(scope) != pointer(top) and not pointer(scope["prev"]):
                scope, depth = scope["parent"], depth - 1
            if pointer(scope) == pointer(top):
                return
            scope = scope["prev"]
        count += 1
        yield scope, depth - 1
    print("weft: and more than %d others" % TASKS_MAX)


def task_of(scope):
    """The fiber whose own scope this is, or None: the scope is a block of a task."""
    owner = scope["owner"]
    if not pointer(owner) or pointer(owner["root"].address) != pointer(scope):
        return None
    return owner


def fibers(loop):
    for scope, _ in walk(loop):
        fiber = task_of(scope)
        if fiber is not None:
            yield fiber


# ---- who holds what ----

def scope_tasks(scope):
    for task in chain(scope["tasks"]):
        if not bool(task["done"]):
            yield task


# What the functions that name a holder look at: the file they are in, the type that begins with the weft__held, and how
# that leads to the task. Nothing of the program is called.
HOLDERS = {
    "task.c": ("awaited", lambda on: on["task"]),
    "start.c": ("start_held", lambda on: on["start"]["task"]),
    "lock.c": ("held_mutex", lambda on: on["mutex"]["owner"]),
    "once.c": ("once_held", lambda on: on["once"]["runner"]),
}


def holders(fiber):
    """The tasks that must do something before this one goes on."""
    held = fiber["held"]
    if not pointer(held) or not pointer(held["holder"]):
        return
    block = gdb.block_for_pc(pointer(held["holder"]))
    while block is not None and block.function is None:
        block = block.superblock
    if block is None:
        return
    if block.function.name == "weft__scope_holder":
        yield from scope_tasks(held.cast(type_of("weft__joined").pointer())["scope"])
        return
    name, task_in = HOLDERS.get(block.function.symtab.filename.rsplit("/", 1)[-1], (None, None))
    if name is None:
        return
    try:
        task = task_in(held.cast(gdb.lookup_type(name, block).pointer()))
    except gdb.error:
        return
    if pointer(task):
        yield task


# ---- in words ----

def name_of(task):
    fiber = task["fiber"]
    alive = pointer(fiber) != 0
    label = text(fiber["label"]) if alive else ""
    return "%s%s%s (%s)" % ("#%d " % int(fiber["serial"]) if alive else "", text(task["name"]),
                            ' "%s"' % label if label else "", text(task["place"]))


def wait_of(fiber):
    what, held = text(fiber["waits_for"]), fiber["held"]
    kind, name, joins = "", "", False
    if pointer(held):
        kind, name = text(held["kind"]), text(held["name"])
        joins = kind in ("scope", "task")
    if name and not joins:
        what = "%s %s" % (kind, name) if what == "a " + kind else "%s, %s %s" % (what, kind, name)
    found = []
    for task in holders(fiber):
        found.append(name_of(task) if len(found) < HOLDERS_SHOWN else "")
    if found:
        what += (": " if joins else " held by ") + ", ".join(found[:HOLDERS_SHOWN])
    if len(found) > HOLDERS_SHOWN:
        what += " and %d more" % (len(found) - HOLDERS_SHOWN)
    return what


def state_of(loop, fiber):
    state = int(fiber["state"])
    if state == PARKED:
        return "waits %s for %s" % (duration(now_of(loop) - int(fiber["waits_since_ns"])), wait_of(fiber))
    return "ready to run" if state == READY else "runs"


def cancel_of(scope):
    return ", cancelled" if int(scope["reason"]) else ", cancelled from around it" if int(scope["inherited"]) else ""


def task_line(loop, fiber):
    age = duration(now_of(loop) - int(fiber["began_ns"]))
    return "%s, %s old, %s%s" % (name_of(fiber["task"]), age, state_of(loop, fiber), cancel_of(fiber["root"]))


def heading(loop, thread):
    count = int(loop["stacks"]["in_use"])
    print("weft: %d task%s on thread %d" % (count, "" if count == 1 else "s", thread.num))


# ---- the stack of a task ----

REGISTERS = {"i386:x86-64": ("rip", "rsp", "rbp"), "aarch64": ("pc", "sp", "x29")}


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class Elsewhere(gdb.unwinder.Unwinder):
    """Says of the newest frame that its caller is where a task waits. So gdb unwinds that task's stack, and no register
    has to be written, which a core file would not allow."""

    def __init__(self):
        super().__init__("weft task")
        self.context = None

    def __call__(self, pending):
        if self.context is None:
            return None
        pc, sp, fp = self.names
        if int(pending.read_register(sp)) != self.newest_sp:
            return None
        info = pending.create_unwind_info(FrameId(pending.read_register(sp), pending.read_register(pc)))
        for name, value in zip(self.names, self.context):
            info.add_saved_register(name, gdb.Value(value).cast(pending.read_register(name).type))
        return info

    def go(self, context):
        self.context = None
        gdb.invalidate_cached_frames()
        if context is None:
            return
        newest = gdb.newest_frame()
        arch = newest.architecture().name()
        if arch not in REGISTERS:
            raise gdb.GdbError("weft: no stacks of tasks on %s" % arch)
        self.names = REGISTERS[arch]
        self.newest_sp = int(newest.read_register(self.names[1]))
        self.context = context
        gdb.invalidate_cached_frames()


elsewhere = Elsewhere()
gdb.unwinder.register_unwinder(None, elsewhere, replace=True)


def find(number):
    for loop, thread in loops():
        for fiber in fibers(loop):
            if int(fiber["serial"]) == number:
                return loop, thread, fiber
    raise gdb.GdbError("no task #%d; see `weft tasks`" % number)


def context_of(fiber):
    """pc, sp and fp where a task waits; None: it runs."""
    if int(fiber["state"]) not in (PARKED, READY):
        return None
    context = fiber["context"]
    pc = int(context["pc"])
    if pc == int(gdb.parse_and_eval("(void *)weft__fiber_main")):
        raise gdb.GdbError("task #%d has not begun" % int(fiber["serial"]))
    return pc, int(context["sp"]), int(context["fp"])


def backtrace(shift):
    """gdb's own, without its first frames, and without what lies above a task's first function."""
    for line in gdb.execute("backtrace", to_string=True).splitlines():
        number, _, rest = line.partition(" ")
        if not number.startswith("#") or not number[1:].isdigit():
            print(line)
        elif int(number[1:]) >= shift:
            print("#%-3d%s" % (int(number[1:]) - shift, rest))
            if shift and "weft__fiber_main" in rest:
                return


def number_in(argument):
    word = argument.strip().lstrip("#")
    if not word.isdigit():
        raise gdb.GdbError("which task? `weft tasks` has their numbers")
    return int(word)


# ---- commands ----

class Weft(gdb.Command):
    """What the tasks of a weft program do: weft tasks, weft tree, weft bt N, weft frame N."""

    def __init__(self):
        super().__init__("weft", gdb.COMMAND_STACK, prefix=True)


class Command(gdb.Command):
    def __init__(self):
        super().__init__("weft " + self.name, gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        try:
            self.run(argument)
        except gdb.MemoryError as error:
            raise gdb.GdbError("weft: %s. The stacks of tasks are not in this core file: gdb's gcore leaves them out, "
                               "one that the kernel wrote has them" % error)


class Tasks(Command):
    """Every task: number, name, route, where it was started, age, what it waits for and who has that."""
    name = "tasks"

    def run(self, argument):
        for loop, thread in loops():
            heading(loop, thread)
            for fiber in fibers(loop):
                print(task_line(loop, fiber))


class Tree(Command):
    """Every task below the scope it was started in, the oldest first."""
    name = "tree"

    def run(self, argument):
        for loop, thread in loops():
            heading(loop, thread)
            for scope, depth in walk(loop):
                fiber = task_of(scope)
                line = task_line(loop, fiber) if fiber is not None else "scope at %s%s" % (text(scope["place"]), cancel_of(scope))
                print("  " * depth + line)


class Backtrace(Command):
    """weft bt N: the stack of task N."""
    name = "bt"

    def run(self, argument):
        loop, thread, fiber = find(number_in(argument))
        before = gdb.selected_thread()
        print(task_line(loop, fiber))
        thread.switch()
        context = context_of(fiber)
        elsewhere.go(context)
        try:
            backtrace(1 if context else 0)
        finally:
            elsewhere.go(None)
            before.switch()


class Frame(Command):
    """weft frame N: go where task N waits; up, down and info locals are then that task's. weft frame: go back."""
    name = "frame"

    def run(self, argument):
        if not argument.strip():
            elsewhere.go(None)
            gdb.execute("frame 0")
            return
        loop, thread, fiber = find(number_in(argument))
        elsewhere.go(None)
        thread.switch()
        context = context_of(fiber)
        elsewhere.go(context)
        gdb.execute("frame %d" % (1 if context else 0))


for command in (Weft, Tasks, Tree, Backtrace, Frame):
    command()
