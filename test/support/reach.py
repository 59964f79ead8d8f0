# Connects to many addresses at once, and prints for each who answered. One line of input each: address, port, seconds to wait,
# and `again` when a refusal may only mean that the server has not started yet. Output in the same order: the first word of the
# answer, `refused`, or `silence`.
import errno, select, socket, sys, time

def begin(address, port):
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    s = socket.socket(family, socket.SOCK_STREAM)
    s.setblocking(False)
    try:
        s.connect((address, port))
    except BlockingIOError:
        pass
    except OSError as error:
        s.close()
        return None, error.errno
    return s, 0

def outcome(s):
    error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        return None, error
    try:
        text = s.recv(4096).decode().split()
    except BlockingIOError:
        return None, None
    except OSError as failure:
        return None, failure.errno
    return (text[0], 0) if text else (None, errno.ECONNREFUSED)

asked = []
for line in sys.stdin:
    address, port, seconds, *again = line.split()
    asked.append({'address': address, 'port': int(port), 'until': time.monotonic() + float(seconds),
                  'again': bool(again), 'socket': None, 'answer': None, 'next': 0})
while True:
    now = time.monotonic()
    waiting = [one for one in asked if one['answer'] is None]
    if not waiting:
        break
    for one in waiting:
        if now >= one['until']:
            one['answer'] = 'silence'
        elif one['socket'] is None and now >= one['next']:
            one['socket'], failed = begin(one['address'], one['port'])
            if one['socket'] is None:
                if not one['again']:
                    one['answer'] = 'refused' if failed == errno.ECONNREFUSED else 'silence'
                one['next'] = now + 0.1
    sockets = {one['socket'].fileno(): one for one in waiting if one['socket'] is not None}
    poll = select.poll()
    for descriptor in sockets:
        poll.register(descriptor, select.POLLIN | select.POLLERR | select.POLLHUP)
    for descriptor, _ in poll.poll(50):
        one = sockets[descriptor]
        name, failed = outcome(one['socket'])
        if name is None and failed is None:
            continue
        one['socket'].close()
        one['socket'] = None
        one['next'] = now + 0.1
        if name is not None:
            one['answer'] = name
        elif not one['again']:
            one['answer'] = 'refused' if failed == errno.ECONNREFUSED else 'silence'
for one in asked:
    print(one['answer'])
