# For the tests' namespaces: `INTERFACE` sends each frame that a line of its input is, and writes each that comes in as a line.
import os
import select
import socket
import struct
import sys

ETH_P_ALL = 3
PACKET_OUTGOING = 4
SOL_PACKET = 263
PACKET_ADD_MEMBERSHIP = 1
PACKET_MR_PROMISC = 1

# Frames of one processor arrive in the order in which they were sent.
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
interface = sys.argv[1]
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
wire.bind((interface, 0))
membership = struct.pack("IHH8s", socket.if_nametoindex(interface), PACKET_MR_PROMISC, 0, b"")
wire.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership)
# Unbuffered: what lies in a buffer wakes nobody.
commands = open(0, "rb", buffering=0)
print("ready", flush=True)

while True:
    readable, _, _ = select.select([wire, commands], [], [])
    if wire in readable:
        frame, address = wire.recvfrom(65535)
        if address[2] != PACKET_OUTGOING:
            print(frame.hex(), flush=True)
    if commands in readable:
        line = commands.readline()
        if not line:
            break
        wire.send(bytes.fromhex(line.decode()))
