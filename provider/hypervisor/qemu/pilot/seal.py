"""What the two sites of a move say to each other directly: datagrams sealed with the move's key."""
import hashlib
import hmac


class Seal:
    """
    A message is "<verb> <epoch> <fields> <hex HMAC-SHA256 of all before>". The key of 256 bits was made for this one
    move and came over the pinned ssh sessions: what opens was written by the other end of this move.
    """

    def __init__(self, key_hex, epoch):
        self.key = bytes.fromhex(key_hex)
        self.epoch = epoch

    def close(self, verb, *fields):
        text = " ".join(str(part) for part in (verb, self.epoch, *fields)).encode()
        return text + b" " + self._mac(text)

    def open(self, datagram):
        """(verb, fields), or (None, []) for what is not of this move and this epoch. Trailing blanks are no part of it."""
        text, _, mac = datagram.rstrip(b" ").rpartition(b" ")
        if not hmac.compare_digest(mac, self._mac(text)):
            return None, []
        verb, epoch, *fields = text.decode().split(" ")
        return (verb, fields) if epoch == str(self.epoch) else (None, [])

    def _mac(self, text):
        return hmac.new(self.key, text, hashlib.sha256).hexdigest().encode()


def datagram_socket(address):
    """Bound to one of this host's addresses, at a port that was free."""
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        one.bind((address, 0))
    except OSError as error:
        raise OSError("cannot listen on %s: %s" % (address, error.strerror)) from error
    one.setblocking(False)
    return one


def datagrams(one):
    """What has come, with its sender; what the network reports of earlier ones (ICMP) is no answer."""
    while True:
        try:
            yield one.recvfrom(65536)
        except BlockingIOError:
            return
        except OSError:
            continue
