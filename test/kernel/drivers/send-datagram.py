# Sends a UDP packet to port 9 of an address, with so many bytes, not to be split: send-datagram.py ADDRESS BYTES
import socket
import sys

address, size = sys.argv[1], int(sys.argv[2])
family, _, _, _, target = socket.getaddrinfo(address, 9, type=socket.SOCK_DGRAM)[0]
IP_MTU_DISCOVER, IP_PMTUDISC_DO = 10, 2
with socket.socket(family, socket.SOCK_DGRAM) as sender:
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    if family == socket.AF_INET:
        sender.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
    sender.sendto(b"x" * size, target)
