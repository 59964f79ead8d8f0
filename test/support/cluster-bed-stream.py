# A stream of datagrams whose every loss is told. `echo PORT` sends everything back. `send ADDRESS PORT` prints `streaming` after the
# first answer, then sends a numbered datagram every 5 ms until it is told to end, and prints, one line each, the numbers that were not
# answered within two seconds, and last how many were sent.
import select, signal, socket, struct, sys, time

def echo(port):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(('::', port))
    while True:
        data, asker = s.recvfrom(64)
        s.sendto(data, asker)

def answers(s, seconds):
    """The numbers that come back meanwhile."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if not select.select([s], [], [], left)[0]:
            return
        try:
            yield struct.unpack('!Q', s.recv(64))[0]
        except ConnectionRefusedError:
            pass # nobody listens yet, or any more

def transmit(s, number):
    try:
        s.send(struct.pack('!Q', number))
    except OSError:
        pass # told as a loss

def send(address, port):
    ending = []
    signal.signal(signal.SIGTERM, lambda *_: ending.append(True))
    s = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((address, port))
    while not ending:
        transmit(s, 0)
        if list(answers(s, 0.1)):
            break
    print('streaming', flush=True)
    unanswered, sent = set(), 0
    while not ending:
        sent += 1
        unanswered.add(sent)
        transmit(s, sent)
        unanswered.difference_update(answers(s, 0.005))
    until = time.monotonic() + 2
    while unanswered and time.monotonic() < until:
        unanswered.difference_update(answers(s, 0.1))
    for number in sorted(unanswered):
        print('lost', number)
    print('sent', sent)

if sys.argv[1] == 'echo':
    echo(int(sys.argv[2]))
else:
    send(sys.argv[2], int(sys.argv[3]))
