"""A chip as its data sheet has it, made without what the service verifies with: keys in, messages out."""

import os

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

META, MASTER = bytes(range(1, 17)), bytes(range(33, 49))
KEYSET = {"meta_key": META.hex(), "file_master": MASTER.hex()}


def cmac(key, text):
    mac = CMAC(algorithms.AES(key))
    mac.update(text)
    return mac.finalize()


class Chip:
    """An NTAG 424 DNA with the keys of a keyset. `read` is what a phone gets, and counts."""

    def __init__(self, uid, *, keyset="k1", meta=META, master=MASTER, version=1):
        self.uid, self.keyset, self.meta, self.counter = uid, keyset, meta, 0
        named = bytes.fromhex(uid) + bytes.fromhex("D2760000850101") + bytes((2, version)) + b"TAGGAD"
        self.key = cmac(master, b"\x01" + named)

    def read(self):
        """The next message, as a tap carries it."""
        self.counter += 1
        return self.message(self.counter)

    def message(self, counter, *, tag_byte=0xC7):
        """The message of a read."""
        said = bytes.fromhex(self.uid) + counter.to_bytes(3, "little")
        opened = bytes((tag_byte,)) + said + os.urandom(5)
        encrypted = Cipher(algorithms.AES(self.meta), modes.CBC(bytes(16))).encryptor().update(opened)
        mac = cmac(cmac(self.key, bytes.fromhex("3CC300010080") + said), b"")[1::2]
        return {"keyset": self.keyset, "e": encrypted.hex().upper(), "c": mac.hex().upper()}
