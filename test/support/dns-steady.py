# Asks in each of many namespaces, over and over: `dns-steady.py EVERY-MS` reads lines `NAMESPACE-PATH NAME ADDRESS`, says `round`
# whenever every one was answered once more, and on SIGTERM, when all that is under way has ended, prints one line of JSON. Everybody has
# 5 seconds for an answer and one more try, and asks again EVERY-MS after the last question, or at once when that took longer.
import ctypes
import heapq
import itertools
import json
import os
import resource
import selectors
import signal
import socket
import sys
import time

from dns_wire import query, read_reply

CLONE_NEWNET = 0x40000000
PATIENCE = 5.0
libc = ctypes.CDLL(None, use_errno=True)
every = int(sys.argv[1]) / 1000


class Asker:
    def __init__(self, path, name, address):
        namespace = os.open(path, os.O_RDONLY)
        if libc.setns(namespace, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f'cannot enter {path}')
        os.close(namespace)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.connect(('127.0.0.11', 53))
        self.name, self.address = name, address
        self.identity, self.asked, self.tries = 0, None, 0


_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
askers = [Asker(*line.split()) for line in sys.stdin]
selector = selectors.DefaultSelector()
for asker in askers:
    selector.register(asker.socket, selectors.EVENT_READ, asker)
order = itertools.count()
due = []
figures = {'answered': 0, 'tried_again': 0, 'refused': 0, 'unanswered': 0, 'wrong': [], 'slowest_ms': 0.0}
ending = under_way = 0
fresh = set(askers)


def end(*_):
    global ending
    ending = 1


def at(when, asker, identity):
    heapq.heappush(due, (when, next(order), asker, identity))


def send(asker, now):
    """A question, or a question again: with an identity of its own, so that late answers to the first are told apart."""
    asker.tries += 1
    asker.identity = (asker.identity + 1) % 65536
    try:
        asker.socket.send(query(asker.identity, asker.name))
    except OSError:
        figures['refused'] += 1
    at(now + PATIENCE, asker, asker.identity)


def settle(asker, now):
    global under_way
    under_way -= 1
    figures['slowest_ms'] = max(figures['slowest_ms'], round((now - asker.asked) * 1000, 1))
    at(max(now, asker.asked + every), asker, None)
    asker.asked = None


def take(asker):
    try:
        identity, name, rcode, addresses = read_reply(asker.socket.recv(4096))
    except BlockingIOError:
        return
    except OSError:
        # Nobody has the port: the C library asks again at once, here it waits its time.
        figures['refused'] += 1
        return
    if asker.asked is None or identity != asker.identity:
        return
    if (name, rcode, list(addresses)) != (asker.name, 'NOERROR', [asker.address]):
        figures['wrong'].append([asker.name, rcode, *addresses])
    figures['answered'] += 1
    fresh.discard(asker)
    settle(asker, time.monotonic())


def wake(asker, identity, now):
    global under_way
    if identity is None:
        if not ending:
            asker.asked, asker.tries = now, 0
            under_way += 1
            send(asker, now)
    elif asker.asked is not None and identity == asker.identity:
        if asker.tries < 2:
            figures['tried_again'] += 1
            send(asker, now)
        else:
            figures['unanswered'] += 1
            settle(asker, now)


signal.signal(signal.SIGTERM, end)
start = time.monotonic()
for index, asker in enumerate(askers):
    at(start + every * index / len(askers), asker, None)
while under_way or not ending:
    now = time.monotonic()
    while due and due[0][0] <= now:
        _, _, asker, identity = heapq.heappop(due)
        wake(asker, identity, now)
    for key, _ in selector.select(min(0.1, max(0.0, due[0][0] - time.monotonic())) if due else 0.1):
        take(key.data)
    if not fresh:
        fresh = set(askers)
        print('round', flush=True)
figures['wrong'] = figures['wrong'][:10]
print(json.dumps(figures), flush=True)
