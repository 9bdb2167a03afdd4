# SPDX-License-Identifier: MIT OR Apache-2.0
"""Any bytes through the Python face, under atheris:  python fuzz.py [LIBFUZZER OPTIONS]

Whatever is handed in, the module answers with a value or with an exception that its documentation names.
"""

import array
import io
import sys

import atheris

with atheris.instrument_imports():
    import sealwax

KEYSET = sealwax.Keyset.generate("fuzz", "chacha20-poly1305")
TOKEN = KEYSET.seal(b"value", context={"row": "1"})
SEALED = sealwax.seal_bytes(b"value" * 300, keyset=KEYSET)
HEADER_LEN = sealwax.inspect(SEALED)["header_len"]
EXPECTED = (sealwax.SealwaxError, OSError, ValueError, TypeError)


def change(data: atheris.FuzzedDataProvider, sealed: bytes) -> bytes:
    """Bytes of the fuzzer's, or what was sealed with some of its bytes in it."""
    if data.ConsumeBool():
        return data.ConsumeBytes(data.remaining_bytes())
    changed = bytearray(sealed)
    while data.remaining_bytes() > 3:
        changed[data.ConsumeIntInRange(0, len(changed) - 1)] ^= data.ConsumeIntInRange(0, 255)
    return bytes(changed)


def one(raw: bytes) -> None:
    data = atheris.FuzzedDataProvider(raw)
    kind = data.ConsumeIntInRange(0, 8)
    try:
        if kind == 0:
            token = change(data, TOKEN)
            assert KEYSET.open(token, context={"row": "1"}) == b"value", "a changed token opened to another value"
        elif kind == 1:
            sealed = change(data, SEALED)
            assert sealwax.open_bytes(sealed, keyset=KEYSET) == b"value" * 300, (
                "a changed envelope opened to something else"
            )
        elif kind == 2:
            with sealwax.open(io.BytesIO(change(data, SEALED)), "rb", keyset=KEYSET) as file:
                while file.read(data.ConsumeIntInRange(1, 5000)):
                    pass
        elif kind == 3:
            sealwax.inspect(change(data, SEALED))
        elif kind == 4:
            sealwax.Recipient(data.ConsumeUnicode(2000))
        elif kind == 5:
            sealwax.Share(data.ConsumeUnicode(400))
        elif kind == 6:
            sealwax.Keyset.from_identity(data.ConsumeUnicode(400))
        elif kind == 7:
            # Offsets that are true, and some of the fuzzer's after them.
            offsets = array.array("q", [0, len(TOKEN)])
            offsets.extend(data.ConsumeIntListInRange(data.ConsumeIntInRange(0, 4), 8))
            column = change(data, TOKEN) + data.ConsumeBytes(300)
            opened, ends = KEYSET.open_packed(column, offsets, context={"row": "1"})
            assert opened[:5] == b"value" and len(ends) == 8 * len(offsets), "a changed column opened to something else"
        else:
            header = change(data, SEALED[:HEADER_LEN])
            with sealwax.open(io.BytesIO(SEALED[HEADER_LEN:]), "rb", header=header, keyset=KEYSET) as file:
                assert file.read() == b"value" * 300, "a changed header opened to something else"
    except EXPECTED:
        pass


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
