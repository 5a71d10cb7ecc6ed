"""What a link gives: `python probe.py listen ADDRESS` on one machine prints the bytes a second that
come to it, `python probe.py ask ADDRESS SECONDS` on another the seconds of a round trip.

It imports nothing of the project, so it starts at once.
"""
import json
import socket
import statistics
import sys
import time

PORT, PINGS, CHUNK = 29399, 50, 2 ** 17
socket.setdefaulttimeout(60)


def listen(address):
    """Answer one who asks."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, PORT))
        listener.listen()
        print('listening', flush=True)
        sock = listener.accept()[0]
    with sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(PINGS):
            sock.sendall(sock.recv(1))
        # The first ones open the sender's window, and does not count.
        buffer, rest, count, start = bytearray(CHUNK), CHUNK, 0, None
        while True:
            got = sock.recv_into(buffer)
            if not got:
                break
            if start is None:
                rest -= got
                start = time.perf_counter() if rest <= 0 else None
            else:
                count, end = count + got, time.perf_counter()
        print(json.dumps(count / (end - start)), flush=True)


def ask(address, seconds):
    """Send pings, then as much as can be sent in so many seconds."""
    with socket.create_connection((address, PORT)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        trips = []
        for _ in range(PINGS):
            start = time.perf_counter()
            sock.sendall(b'.')
            sock.recv(1)
            trips.append(time.perf_counter() - start)
        content, end = bytes(CHUNK), time.perf_counter() + seconds
        while time.perf_counter() < end:
            sock.sendall(content)
        print(json.dumps(statistics.median(trips)), flush=True)


if __name__ == '__main__':
    listen(sys.argv[2]) if sys.argv[1] == 'listen' else ask(sys.argv[2], float(sys.argv[3]))
