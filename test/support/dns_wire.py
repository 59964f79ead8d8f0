# DNS messages for the peers and judges of the tests (RFC 1035 section 4), written apart from the resolver under test.
import ipaddress
import struct

TYPES = {'A': 1, 'NS': 2, 'CNAME': 5, 'SOA': 6, 'PTR': 12, 'MX': 15, 'TXT': 16, 'AAAA': 28, 'SRV': 33, 'OPT': 41}
NAMES_OF_TYPES = {number: name for name, number in TYPES.items()}
RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']


def encode_name(name):
    labels = [label.encode('latin1') for label in name.split('.') if label]
    return b''.join(bytes([len(label)]) + label for label in labels) + b'\0'


def question(name, kind):
    return encode_name(name) + struct.pack('>HH', TYPES[kind], 1)


def query(identity, name, kind='A'):
    return struct.pack('>HHHHHH', identity, 0x0100, 1, 0, 0, 0) + question(name, kind)


def read_name(message, offset):
    """The name and where it ends; follows pointers."""
    labels, end = [], None
    while True:
        length = message[offset]
        if length >= 0xC0:
            end = offset + 2 if end is None else end
            offset = struct.unpack_from('>H', message, offset)[0] & 0x3FFF
        elif length == 0:
            return '.'.join(labels), offset + 1 if end is None else end
        else:
            labels.append(message[offset + 1 : offset + 1 + length].decode('latin1'))
            offset += 1 + length


def read_question(message):
    """(id, name, type, the bytes of the question)"""
    name, end = read_name(message, 12)
    kind = struct.unpack_from('>H', message, end)[0]
    identity = struct.unpack_from('>H', message, 0)[0]
    return identity, name, NAMES_OF_TYPES.get(kind, str(kind)), message[12 : end + 4]


def record(kind, ttl, data):
    """A record of the name that is asked for."""
    return struct.pack('>HHHIH', 0xC00C, TYPES[kind], 1, ttl, len(data)) + data


def address_record(address, ttl=60):
    parsed = ipaddress.ip_address(address)
    return record('A' if parsed.version == 4 else 'AAAA', ttl, parsed.packed)


def reply(identity, asked, rcode='NOERROR', answers=(), authority=(), cut=False):
    flags = 0x8180 | RCODES.index(rcode) | (0x0200 if cut else 0)
    counts = struct.pack('>HHHH', 1, len(answers), len(authority), 0)
    return struct.pack('>HH', identity, flags) + counts + asked + b''.join(answers) + b''.join(authority)


def read_reply(message):
    """(id, name, rcode, addresses in their order)"""
    identity, flags, _, count = struct.unpack_from('>HHHH', message, 0)
    name, offset = read_name(message, 12)
    offset += 4
    addresses = []
    for _ in range(count):
        _, offset = read_name(message, offset)
        kind, _, _, length = struct.unpack_from('>HHIH', message, offset)
        offset += 10
        if kind in (1, 28):
            addresses.append(str(ipaddress.ip_address(message[offset : offset + length])))
        offset += length
    return identity, name, RCODES[flags & 0xF], addresses
