# Asks one resolver without pause until it is ended: `dns-asker.py SERVER OUTSTANDING NAME...`. Prints for each question
# `SENT ANSWERED NAME RCODE ADDRESS,...`, the times in nanoseconds of CLOCK_MONOTONIC; RCODE is `lost` when 5 s went by, and the
# error where the socket tells of one.
# `#` in a name is the number of the question. On SIGTERM it waits for what is under way, prints `done COUNT`, and ends.
import selectors
import signal
import socket
import sys
import time

from dns_wire import query, read_reply

PATIENCE_NS = 5_000_000_000
server, outstanding, names = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asker.connect((server, 53))
asker.setblocking(False)
selector = selectors.DefaultSelector()
selector.register(asker, selectors.EVENT_READ)
waiting, count, ending, out = {}, 0, False, []


def end(*_):
    global ending
    ending = True


def settle(identity, rcode, addresses=()):
    sent, name = waiting.pop(identity)
    out.append(f"{sent} {time.monotonic_ns()} {name} {rcode} {','.join(addresses)}\n")


def take():
    try:
        identity, name, rcode, addresses = read_reply(asker.recv(4096))
    except BlockingIOError:
        return
    except OSError as error:
        # What became of one of those under way.
        for identity in list(waiting):
            settle(identity, error.strerror.replace(' ', '-'))
        return
    if identity in waiting and waiting[identity][1] == name:
        settle(identity, rcode, addresses)


signal.signal(signal.SIGTERM, end)
while waiting or not ending:
    while not ending and len(waiting) < outstanding:
        name = names[count % len(names)].replace('#', str(count))
        identity = count % 65536
        count += 1
        waiting[identity] = (time.monotonic_ns(), name)
        try:
            asker.send(query(identity, name))
        except OSError as error:
            settle(identity, error.strerror.replace(' ', '-'))
    if selector.select(0.1):
        take()
    now = time.monotonic_ns()
    for identity in [one for one, (sent, _) in waiting.items() if now - sent > PATIENCE_NS]:
        settle(identity, 'lost')
    if len(out) >= 64 or ending:
        sys.stdout.write(''.join(out))
        sys.stdout.flush()
        out.clear()
print('done', count, flush=True)
