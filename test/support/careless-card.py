# A network card that computes the checksums its machine leaves to it, but not those of packets within VXLAN: carries frames between
# two interfaces, CARD (the machine's side) and WIRE, as bytes, so that nobody takes them for checked.
import selectors
import socket
import struct
import sys

PACKET_OUTGOING = 4
checksum_fields = {socket.IPPROTO_TCP: 16, socket.IPPROTO_UDP: 6}


def opened(name):
    frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    frames.bind((name, 0))
    return frames


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def completed(frame):
    """With the checksum of TCP or UDP over IPv4; all else is as it came."""
    field = checksum_fields.get(frame[23]) if frame[12:14] == b"\x08\x00" else None
    if field is None:
        return frame
    start = transport(frame)
    end = 14 + struct.unpack("!H", frame[16:18])[0]
    segment = bytearray(frame[start:end])
    segment[field : field + 2] = b"\0\0"
    pseudo = frame[26:34] + struct.pack("!BBH", 0, frame[23], len(segment))
    segment[field : field + 2] = struct.pack("!H", checksum(bytes(pseudo + segment)) or 0xFFFF)
    return frame[:start] + bytes(segment)


def completed_within(frame):
    """As others' cards do it: within VXLAN first."""
    if frame[12:14] == b"\x08\x00" and frame[23] == socket.IPPROTO_UDP:
        inner = transport(frame) + 16
        frame = frame[:inner] + completed(frame[inner:])
    return completed(frame)


def transport(frame):
    return 14 + (frame[14] & 15) * 4


card, wire = opened(sys.argv[1]), opened(sys.argv[2])
selector = selectors.DefaultSelector()
selector.register(card, selectors.EVENT_READ, (wire, completed))
selector.register(wire, selectors.EVENT_READ, (card, completed_within))
print("carries", flush=True)
while True:
    for key, _ in selector.select():
        to, prepared = key.data
        frame, address = key.fileobj.recvfrom(65536)
        if address[2] != PACKET_OUTGOING:
            to.send(prepared(frame))
