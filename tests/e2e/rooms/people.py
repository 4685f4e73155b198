# People in one room while its program is reloaded under them: Debian's python3-websockets, two and more of them on workers of both programs.
#   people.py PORT SUPERVISOR FOLDER NAME KIND      KIND: none, old, new: who is killed while both are there
# FOLDER is that of e2e-load-handover, whose next start but two waits until FOLDER/go is there.
import asyncio
import json
import os
import signal
import sys
import urllib.request

import websockets

port, supervisor, folder, name, kind = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5]
PATIENCE_S = 20


def check(what, good, why=""):
    print(f"ok rooms/{name}_{what}" if good else f"not ok rooms/{name}_{what}: {why}", flush=True)


class Person:
    """One WebSocket in the room; `heard` is all that came, `code` how it ended."""

    def __init__(self, who):
        self.who, self.heard, self.code, self.pid = who, [], None, None

    async def enter(self):
        self.ws = await websockets.connect(f"ws://127.0.0.1:{port}/rooms/hall?name={self.who}", ping_interval=None)
        self.pid = int((await asyncio.wait_for(self.ws.recv(), PATIENCE_S)).split()[1])
        self.task = asyncio.ensure_future(self.listen())
        return self

    async def listen(self):
        try:
            async for message in self.ws:
                self.heard.append(message)
        except websockets.ConnectionClosed:
            pass
        self.code = self.ws.close_code

    async def hears(self, what):
        return await becomes(lambda: any(what in m for m in self.heard))

    def event(self, event, who):
        return json.dumps({"event": event, "room": "hall", "id": who}, separators=(",", ":"))


async def becomes(condition):
    for _ in range(PATIENCE_S * 50):
        if condition():
            return True
        await asyncio.sleep(0.02)
    return False


# Somebody who is on a worker of which `wanted` holds; who is not leaves again.
async def enter(who, wanted):
    for i in range(300):
        person = await Person(who if i == 0 else f"{who}{i}").enter()
        if wanted(person.pid):
            return person
        await person.ws.close()
        await asyncio.sleep(0.02)
    raise SystemExit(f"not ok rooms/{name}: nobody comes to the worker wanted")


def ask(path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE_S) as answer:
        return json.load(answer)


# What each of these workers says of the room becomes this; other workers do not answer.
async def all_know(people, pids):
    want, knows, last = sorted(p.who for p in people), {}, None
    for _ in range(1000):
        last = await asyncio.get_running_loop().run_in_executor(None, ask, "/members/hall")
        knows[last["pid"]] = sorted(last["ids"]) == want and last["count"] == len(want)
        if all(knows.get(pid) for pid in pids):
            return True, ""
        await asyncio.sleep(0.01)
    return False, f"expected {want} of {pids}, the last said {last}"


async def all_hear(speaker, people, what):
    await speaker.ws.send(what)
    deaf = [p.who for p in people if not await p.hears(what)]
    return not deaf, f"{deaf} do not hear {speaker.who}"


async def scenario():
    ann = await enter("ann", lambda pid: True)
    bob = await enter("bob", lambda pid: pid != ann.pid)
    before = {ann.pid, bob.pid}
    os.kill(supervisor, signal.SIGHUP)
    cat = await enter("cat", lambda pid: pid not in before)          # of the new program, one worker of which waits
    old = [ann, bob]
    check("old_ones_learn_who_comes", all([await p.hears(p.event("join", "cat")) for p in old]), [p.heard for p in old])
    check("old_ones_hear_new_ones", *await all_hear(cat, old + [cat], "good morning"))
    for p in old:
        check(f"{p.who}_is_heard_by_new_ones", *await all_hear(p, old + [cat], f"and to you, says {p.who}"))
    check("new_ones_know_all", *await all_know(old + [cat], [cat.pid]))
    if kind == "old":
        os.kill(ann.pid, signal.SIGKILL)
        check("who_was_on_a_killed_old_one_has_left", await cat.hears(cat.event("leave", "ann")), cat.heard)
        check("a_kill_breaks_its_own_alone", await becomes(lambda: ann.code is not None) and bob.code is None and cat.code is None, (ann.code, bob.code, cat.code))
        old.remove(ann)
    if kind == "new":
        os.kill(cat.pid, signal.SIGKILL)
        check("who_was_on_a_killed_new_one_has_left", all([await p.hears(p.event("leave", "cat")) for p in old]), [p.heard for p in old])
        cat = await enter("cow", lambda pid: pid not in before and pid != cat.pid)
        check("who_comes_after_it_is_heard", *await all_hear(cat, old + [cat], "here again"))
        check("who_comes_after_it_knows_all", *await all_know(old + [cat], [cat.pid]))
    check("nobody_was_told_to_go_yet", all(p.code is None for p in old), [(p.who, p.code) for p in old])
    open(os.path.join(folder, "go"), "w").close()
    check("old_ones_are_told", await becomes(lambda: all(p.code is not None for p in old)) and all(p.code == 1001 for p in old), [(p.who, p.code) for p in old])
    check("new_ones_learn_who_went", all([await cat.hears(cat.event("leave", p.who)) for p in old]), cat.heard)
    dan = await enter("dan", lambda pid: pid not in before and pid != cat.pid)
    check("new_ones_hear_each_other", *await all_hear(dan, [cat, dan], "who is there?"))
    check("presence_is_right_afterwards", *await all_know([cat, dan], [cat.pid, dan.pid]))
    for p in (cat, dan):
        await p.ws.close()
    check("nobody_is_left", *await all_know([], [cat.pid, dan.pid]))


asyncio.run(asyncio.wait_for(scenario(), 200))
