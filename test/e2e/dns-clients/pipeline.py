# Asks over TCP as few programs do: `pipeline.py SERVER together|bytewise NAME...` sends all questions on one connection, in one
# write or byte for byte, closes its side, and prints `NAME RCODE ADDRESS,...` for each, in the order asked.
import socket
import struct
import sys

sys.path.append(__file__.replace('e2e/dns-clients/pipeline.py', 'support'))
from dns_wire import query, read_reply

server, manner, names = sys.argv[1], sys.argv[2], sys.argv[3:]
messages = [query(identity, name) for identity, name in enumerate(names)]
stream = b''.join(struct.pack('>H', len(one)) + one for one in messages)
connection = socket.create_connection((server, 53))
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
pieces = [stream] if manner == 'together' else [stream[i : i + 1] for i in range(len(stream))]
for piece in pieces:
    connection.sendall(piece)
connection.shutdown(socket.SHUT_WR)
read = b''
while data := connection.recv(65536):
    read += data
replies = {}
while read:
    length = struct.unpack_from('>H', read)[0]
    identity, name, rcode, addresses = read_reply(read[2 : 2 + length])
    replies.setdefault(identity, []).append(f"{name} {rcode} {','.join(addresses)}")
    read = read[2 + length :]
for identity in range(len(names)):
    print('; '.join(replies.get(identity, ['nothing'])))
