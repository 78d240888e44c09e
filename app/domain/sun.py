"""The message of an NTAG 424 DNA at each read (NXP: SDM, the "SUN message"), and its verification.

Sources: NXP AN12196 (SUN messages, originality), NT4H2421Gx (data sheet), AN10922 (diversified keys). AES mode alone.
The read counter is least significant byte first inside the cryptography. A message proves that this chip was read for
the n-th time: not when, by whom or where. The content of a message proves nothing before its MAC is verified: it leaves
this module by `picc_data` alone, for technicians who hold the keys (`taggad tags explain`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hmac import compare_digest

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.hashes import SHA224

KEY_BYTES = 16
UID_BYTES = 7
MAC_BYTES = 8
PICC_BYTES = 16
SIGNATURE_BYTES = 56
LONGEST_DIVERSIFICATION = 31

UID_AND_COUNTER = 0xC7
"""The only tag byte accepted in a tap: UID of seven bytes and read counter, both mirrored."""
HAS_UID = 0x80
HAS_COUNTER = 0x40
META_KEY_NO = 1
FILE_KEY_NO = 2
SDM_APPLICATION = bytes.fromhex("D2760000850101")
SYSTEM = b"TAGGAD"
REMEMBERED_TAGS = 50_000

NO_IV = bytes(16)
# NXP's key for the originality signatures of this chip (AN12196, chapter 7).
ORIGINALITY_KEY = ec.EllipticCurvePublicKey.from_encoded_point(
    ec.SECP224R1(),
    bytes.fromhex(
        "048A9B380AF2EE1B98DC417FECC263F8449C7625CECE82D9B916C992DA209D68422B81EC20B65A66B5102A61596AF3379200599316A00A1410"
    ),
)


class SunInvalidError(Exception):
    """Not a message of a chip with these keys. The fault is not given."""


@dataclass(frozen=True, slots=True)
class PiccData:
    """The content of the encrypted part of a message; None for parts that the chip does not mirror. Not verified."""

    tag_byte: int
    uid: bytes | None
    counter: int | None


@dataclass(frozen=True, slots=True)
class Read:
    """A verified message: UID in upper-case hex, number of reads, version of the chip's keys."""

    uid: str
    counter: int
    key_version: int


def picc_data(meta_key: bytes, encrypted: bytes) -> PiccData:
    """The content of the encrypted part of a message, 16 bytes. Raises SunInvalidError if it is not readable."""
    plain = _opened(meta_key, NO_IV, encrypted)
    tag_byte, place = plain[0], 1
    uid, counter = None, None
    if tag_byte & ~(HAS_UID | HAS_COUNTER) not in ({UID_BYTES} if tag_byte & HAS_UID else {0, UID_BYTES}):
        raise SunInvalidError
    if tag_byte & HAS_UID:
        uid, place = plain[place : place + UID_BYTES], place + UID_BYTES
    if tag_byte & HAS_COUNTER:
        counter = int.from_bytes(plain[place : place + 3], "little")
    return PiccData(tag_byte, uid, counter)


def session_keys(file_key: bytes, uid: bytes | None, counter: int | None) -> tuple[bytes, bytes]:
    """The two keys of one read, for encryption and for the MAC. None for parts that the chip does not mirror."""
    described = (uid or b"") + _counted(counter)
    first = bytes.fromhex("C33C00010080") + described
    second = bytes.fromhex("3CC300010080") + described
    return _cmac(file_key, first.ljust(16, b"\0")), _cmac(file_key, second.ljust(16, b"\0"))


def tap_mac(mac_key: bytes, mac_input: bytes = b"") -> bytes:
    """The MAC, 8 bytes, over the ASCII text between the two offsets set in the chip; empty in our settings."""
    return _cmac(mac_key, mac_input)[1::2]


def file_data(enc_key: bytes, counter: int, encrypted: bytes) -> bytes:
    """The file's mirrored data, decrypted. Raises SunInvalidError unless it is a whole number of blocks."""
    iv = _blocks(enc_key).encryptor().update(_counted(counter).ljust(16, b"\0"))
    return _opened(enc_key, iv, encrypted)


def is_authentic(file_key: bytes, uid: bytes | None, counter: int | None, mac: bytes, mac_input: bytes = b"") -> bool:
    """True when the chip that holds the key made this MAC at that read; compared in constant time."""
    return compare_digest(tap_mac(session_keys(file_key, uid, counter)[1], mac_input), mac)


def diversified_key(master: bytes, diversification: bytes) -> bytes:
    """AN10922's AES-128 key of one chip, from a master key and 1 to 31 bytes; raises ValueError for other lengths."""
    if not 1 <= len(diversification) <= LONGEST_DIVERSIFICATION:
        raise ValueError("a key is diversified by 1 to 31 bytes")
    content = b"\x01" + diversification
    if len(content) > KEY_BYTES:
        return _cmac(master, content)
    # Always two blocks, even for short content: a CMAC would have only one here.
    cipher = _blocks(master).encryptor()
    last = _doubled(_doubled(cipher.update(NO_IV)))
    first, second = (content + b"\x80").ljust(32, b"\0")[:16], (content + b"\x80").ljust(32, b"\0")[16:]
    return cipher.update(_xor(cipher.update(first), _xor(second, last)))


def tag_key(master: bytes, uid: bytes, key_no: int, key_version: int) -> bytes:
    """The key of one chip in one slot and one version, diversified by UID, application, slot, version and system."""
    return diversified_key(master, uid + SDM_APPLICATION + bytes((key_no, key_version)) + SYSTEM)


def is_original(uid: bytes, signature: bytes) -> bool:
    """True when NXP signed this UID: ECDSA on secp224r1, r and s of 28 bytes, over the UID itself."""
    if len(uid) != UID_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    half = SIGNATURE_BYTES // 2
    pair = encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
    try:
        # A digest is a number: this one is padded with zeros in front to the length of SHA-224's.
        ORIGINALITY_KEY.verify(pair, uid.rjust(half, b"\0"), ec.ECDSA(Prehashed(SHA224())))
    except InvalidSignature:
        return False
    return True


class KeysetKeys:
    """A keyset's keys, ready to verify with. For one thread: the ciphers are reused from message to message.

    The meta key decrypts every message of the set, because the UID is not known before; the MAC's key is the chip's.
    """

    __slots__ = ("_meta", "_of_tags", "file_master", "meta_key")

    def __init__(self, meta_key: bytes, file_master: bytes) -> None:
        """16 bytes each. Raises ValueError for other keys."""
        if {len(meta_key), len(file_master)} != {KEY_BYTES}:
            raise ValueError("a key has 16 bytes")
        self.meta_key = meta_key
        self.file_master = file_master
        self._meta = _blocks(meta_key).decryptor()
        self._of_tags: dict[tuple[bytes, int], CMAC] = {}

    def read(self, encrypted: bytes, mac: bytes, versions_of: Callable[[str], Iterable[int]]) -> Read | None:
        """The message, if a version of its chip's key made the MAC; else None.

        `versions_of` gives the versions to try for a UID in upper-case hex, which is not verified at that moment.
        Every fault takes the same steps: a bad tag byte does not return sooner than a bad MAC.
        """
        plain = self._meta.update(encrypted)
        uid, counted = plain[1:8], plain[8:11]
        match = None
        for version in versions_of(uid.hex().upper()):
            template = self._of_tags.get((uid, version)) or CMAC(
                algorithms.AES(tag_key(self.file_master, uid, FILE_KEY_NO, version))
            )
            session = template.copy()
            session.update(b"\x3c\xc3\x00\x01\x00\x80" + uid + counted)
            if compare_digest(tap_mac(session.finalize()), mac):
                match = version, template
        if match is None or plain[0] != UID_AND_COUNTER:
            return None
        self._remember(uid, *match)
        return Read(uid.hex().upper(), int.from_bytes(counted, "little"), match[0])

    def _remember(self, uid: bytes, version: int, template: CMAC) -> None:
        """Keep the chip's key in memory, after a message has proven that the chip exists."""
        if len(self._of_tags) >= REMEMBERED_TAGS:
            self._of_tags.clear()
        self._of_tags[uid, version] = template


def _blocks(key: bytes) -> Cipher[modes.ECB]:
    return Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - of one block each, as the chip has it


def _cmac(key: bytes, text: bytes) -> bytes:
    mac = CMAC(algorithms.AES(key))
    mac.update(text)
    return mac.finalize()


def _opened(key: bytes, iv: bytes, encrypted: bytes) -> bytes:
    if not encrypted or len(encrypted) % 16:
        raise SunInvalidError
    return Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor().update(encrypted)


def _counted(counter: int | None) -> bytes:
    return b"" if counter is None else counter.to_bytes(3, "little")


def _doubled(block: bytes) -> bytes:
    """The block times two in GF(2^128), as for CMAC's subkeys."""
    number = int.from_bytes(block) << 1
    return (number & (1 << 128) - 1 ^ (0x87 if number >> 128 else 0)).to_bytes(16)


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
