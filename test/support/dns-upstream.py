# Nameservers, good ones and others: `dns-upstream.py ADDRESS=MANNER...` serves port 53, UDP and TCP, of each address in its
# manner until it is ended, and prints `ADDRESS udp|tcp NAME TYPE ASKER PORT` for each question, before it reacts to it.
# What they answer tells who did: 198.51.100.N, N being the last part of the address; forgeries say 203.0.113.66.
# A question for a type other than A is answered with no data. Names that begin with `gone`, and those that are not of the form
# `WORD.example`, do not exist: NXDOMAIN, with an SOA.
import heapq
import selectors
import socket
import struct
import sys
import time

from dns_wire import address_record, encode_name, query, read_question, record, reply

FORGED = '203.0.113.66'
SLOW_SECONDS = 0.4
selector = selectors.DefaultSelector()
# (when, count, what is to be done), the next one first
later = []


def do_later(seconds, work):
    heapq.heappush(later, (time.monotonic() + seconds, len(later) + time.monotonic_ns(), work))


def soa(seconds):
    data = encode_name('ns.example') + encode_name('admin.example') + struct.pack('>IIIII', 1, 60, 60, 60, seconds)
    return record('SOA', seconds, data)


def whole(identity, name, kind, asked, address):
    """What a good server says."""
    if name.lower().startswith('gone') or name.lower().split('.')[1:] != ['example']:
        return reply(identity, asked, 'NXDOMAIN', authority=[soa(60)])
    if name.lower().startswith('big') and kind == 'TXT':
        text = record('TXT', 60, bytes([200]) + b'x' * 200)
        return reply(identity, asked, answers=[text] * 20)
    if kind == 'A':
        last = int(address.replace(':', '.').split('.')[-1])
        return reply(identity, asked, answers=[address_record(f'198.51.100.{last}')])
    return reply(identity, asked, authority=[soa(60)])


class Server:
    def __init__(self, address, manner):
        self.address, self.manner, self.seen, self.count = address, manner, set(), 0
        family = socket.AF_INET6 if ':' in address else socket.AF_INET
        self.udp = socket.socket(family, socket.SOCK_DGRAM)
        self.udp.bind((address, 53))
        selector.register(self.udp, selectors.EVENT_READ, self.take_datagram)
        if manner == 'no-tcp':
            return
        self.tcp = socket.socket(family, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((address, 53))
        self.tcp.listen(64)
        selector.register(self.tcp, selectors.EVENT_READ, self.accept)

    def note(self, way, name, kind, asker):
        print(self.address, way, name, kind, asker[0], asker[1], flush=True)

    def take_datagram(self):
        message, asker = self.udp.recvfrom(4096)
        identity, name, kind, asked = read_question(message)
        self.note('udp', name, kind, asker)
        self.count += 1
        answer = whole(identity, name, kind, asked, self.address)
        forged = reply(identity, asked, answers=[address_record(FORGED)])
        send = lambda data: self.udp.sendto(data, asker)
        manner = self.manner
        if manner == 'good':
            # As much as a datagram without EDNS holds.
            send(answer if len(answer) <= 512 else reply(identity, asked, cut=True))
        elif manner in ('cutting', 'no-tcp', 'tcp-mute'):
            send(reply(identity, asked, cut=True))
        elif manner == 'slow':
            do_later(SLOW_SECONDS, lambda: send(answer))
        elif manner == 'flapping':
            # Every other question is lost.
            if self.count % 2 == 0:
                send(answer)
        elif manner in ('REFUSED', 'SERVFAIL', 'NOTIMP', 'FORMERR'):
            send(reply(identity, asked, manner))
        elif manner == 'other-id':
            send(reply(identity ^ 1, asked, answers=[address_record(FORGED)]))
            do_later(0.05, lambda: send(answer))
        elif manner == 'other-name':
            send(reply(identity, encode_name('other.example') + asked[-4:], answers=[address_record(FORGED)]))
            do_later(0.05, lambda: send(answer))
        elif manner == 'other-type':
            send(reply(identity, asked[:-4] + b'\0\x10' + asked[-2:], answers=[address_record(FORGED)]))
            do_later(0.05, lambda: send(answer))
        elif manner == 'other-port':
            with socket.socket(self.udp.family, socket.SOCK_DGRAM) as other:
                other.bind((self.address, 0))
                other.sendto(forged, asker)
            do_later(0.05, lambda: send(answer))
        elif manner == 'question-back':
            send(message)
            do_later(0.05, lambda: send(answer))
        elif manner == 'garbage':
            send(message[:2] + b'\x81\x80' + message[4:12] + b'\xc0')
        elif manner.startswith('to:'):
            self.pass_on(name, kind, identity, asked, asker, manner[3:])

    def pass_on(self, name, kind, identity, asked, asker, target):
        """Asks another server the same by a socket of its own, and passes its reply on."""
        out = socket.socket(self.udp.family, socket.SOCK_DGRAM)
        out.connect((target, 53))
        out.send(query(identity ^ 0x5555, name, kind))

        def back():
            selector.unregister(out)
            try:
                answer = out.recv(4096)
                self.udp.sendto(struct.pack('>H', identity) + answer[2:], asker)
            except OSError:
                pass
            out.close()

        selector.register(out, selectors.EVENT_READ, back)

    def accept(self):
        connection, asker = self.tcp.accept()
        read = bytearray()

        def take():
            data = connection.recv(4096)
            read.extend(data)
            if len(read) >= 2 and len(read) >= 2 + struct.unpack_from('>H', read)[0]:
                identity, name, kind, asked = read_question(bytes(read[2:]))
                self.note('tcp', name, kind, asker)
                if self.manner == 'tcp-mute':
                    return
                answer = whole(identity, name, kind, asked, self.address)
                connection.sendall(struct.pack('>H', len(answer)) + answer)
                read.clear()
            if not data:
                selector.unregister(connection)
                connection.close()

        selector.register(connection, selectors.EVENT_READ, take)


for argument in sys.argv[1:]:
    address, manner = argument.split('=', 1)
    if manner != 'closed':
        Server(address, manner)
print('serving', flush=True)
while True:
    wait = max(0, later[0][0] - time.monotonic()) if later else None
    for key, _ in selector.select(wait):
        key.data()
    while later and later[0][0] <= time.monotonic():
        heapq.heappop(later)[2]()
