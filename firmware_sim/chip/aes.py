"""AES of the chip: ECB, CBC and CMAC, with the truncation and padding of its secure messaging."""

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.cmac import CMAC

BLOCK = 16
ZERO_BLOCK = bytes(BLOCK)


def encrypt(key: bytes, plain: bytes, iv: bytes = ZERO_BLOCK) -> bytes:
    """AES-128-CBC of whole blocks; with one block and the zero vector it is ECB."""
    worker = Cipher(AES(key), CBC(iv)).encryptor()
    return worker.update(plain) + worker.finalize()


def decrypt(key: bytes, secret: bytes, iv: bytes = ZERO_BLOCK) -> bytes:
    """The inverse of `encrypt`."""
    worker = Cipher(AES(key), CBC(iv)).decryptor()
    return worker.update(secret) + worker.finalize()


def cmac(key: bytes, message: bytes) -> bytes:
    """AES-CMAC (RFC 4493), 16 bytes."""
    worker = CMAC(AES(key))
    worker.update(message)
    return worker.finalize()


def short_mac(key: bytes, message: bytes) -> bytes:
    """The eight bytes of a CMAC that NXP's chips send: the second, the fourth and so on."""
    return cmac(key, message)[1::2]


def padded(plain: bytes) -> bytes:
    """ISO 9797-1 method 2: 80, then zeros up to whole blocks; always at least one byte."""
    return plain + b"\x80" + bytes(-(len(plain) + 1) % BLOCK)


def unpadded(plain: bytes) -> bytes:
    """The inverse of `padded`. Raises ValueError for bytes that `padded` does not make."""
    body, mark, _ = plain.rpartition(b"\x80")
    if not mark or padded(body) != plain:
        raise ValueError("no padding")
    return body


def diversified(master: bytes, message: bytes) -> bytes:
    """A diversified key by AN10922 for AES-128; `message` has 16 to 31 bytes."""
    return cmac(master, b"\x01" + message)
