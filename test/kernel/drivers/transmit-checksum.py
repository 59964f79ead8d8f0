# Prints 1 where an interface leaves the checksums of what it sends to its hardware, else 0: transmit-checksum.py INTERFACE
import array
import fcntl
import socket
import struct
import sys

SIOCETHTOOL, ETHTOOL_GTXCSUM = 0x8946, 0x16
value = array.array("B", struct.pack("II", ETHTOOL_GTXCSUM, 0))
request = struct.pack("16sP", sys.argv[1].encode(), value.buffer_info()[0])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, SIOCETHTOOL, request)
print(struct.unpack("II", value.tobytes())[1])
