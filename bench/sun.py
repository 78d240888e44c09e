"""The figure of tags: what it costs to verify what one says."""

import time
from collections.abc import Collection
from statistics import median

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from app.domain import sun
from bench.cluster import Cluster
from bench.figures import Result
from bench.sizes import Sizes

MESSAGES = 2_000
META, MASTER = bytes(range(16)), bytes(range(16, 32))


async def verifying(_: Cluster, sizes: Sizes, __: Collection[str]) -> dict[str, Result]:
    """Messages of as many chips, each verified for the first time and then again. CPU of one thread."""
    messages = [_message(number) for number in range(MESSAGES)]
    first, again = [], []
    for _ in range(2 * sizes.rounds + 1):
        keys = sun.KeysetKeys(META, MASTER)
        first.append(_microseconds(keys, messages))
        again.append(_microseconds(keys, messages))
    return {"sun_verify_us": Result(median(first), median(again), note="the floor is a chip whose key is remembered")}


def _microseconds(keys: sun.KeysetKeys, messages: list[tuple[bytes, bytes]]) -> float:
    began = time.process_time()
    for encrypted, mac in messages:
        assert keys.read(encrypted, mac, lambda _: (1,))
    return (time.process_time() - began) / len(messages) * 1e6


def _message(number: int) -> tuple[bytes, bytes]:
    uid, counted = b"\x04" + number.to_bytes(6), (1).to_bytes(3, "little")
    _, mac_key = sun.session_keys(sun.tag_key(MASTER, uid, sun.FILE_KEY_NO, 1), uid, 1)
    # One block in CBC under no vector is the block cipher itself.
    chip = Cipher(algorithms.AES(META), modes.CBC(bytes(16))).encryptor()
    return chip.update(bytes((sun.UID_AND_COUNTER,)) + uid + counted + bytes(5)), sun.tap_mac(mac_key)
