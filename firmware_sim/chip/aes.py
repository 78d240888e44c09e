"""AES as the chip speaks it: ECB, CBC and CMAC, and the two odd habits of its secure messaging."""

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.cmac import CMAC

BLOCK = 16
ZERO_BLOCK = bytes(BLOCK)


def encrypt(key: bytes, plain: bytes, iv: bytes = ZERO_BLOCK) -> bytes:
    """AES-128-CBC of whole blocks; with one block and the zero vector this is ECB."""
    worker = Cipher(AES(key), CBC(iv)).encryptor()
    return worker.update(plain) + worker.finalize()


def decrypt(key: bytes, secret: bytes, iv: bytes = ZERO_BLOCK) -> bytes:
    """The inverse of `encrypt`."""
    worker = Cipher(AES(key), CBC(iv)).decryptor()
    return worker.update(secret) + worker.finalize()


def cmac(key: bytes, message: bytes) -> bytes:
    """AES-CMAC (RFC 4493), all sixteen bytes."""
    worker = CMAC(AES(key))
    worker.update(message)
    return worker.finalize()


def short_mac(key: bytes, message: bytes) -> bytes:
    """The eight bytes that NXP's chips send of a CMAC: the second, the fourth and so on."""
    return cmac(key, message)[1::2]


def padded(plain: bytes) -> bytes:
    """ISO 9797-1 method 2: 80, then zeros up to whole blocks; always at least one byte."""
    return plain + b"\x80" + bytes(-(len(plain) + 1) % BLOCK)


def unpadded(plain: bytes) -> bytes:
    """The inverse of `padded`. ValueError for anything that it does not write."""
    body, mark, _ = plain.rpartition(b"\x80")
    if not mark or padded(body) != plain:
        raise ValueError("no padding")
    return body


def diversified(master: bytes, message: bytes) -> bytes:
    """AN10922 for AES-128: a key of one's own for whoever `message` (16 to 31 bytes, as all of ours) names."""
    return cmac(master, b"\x01" + message)
