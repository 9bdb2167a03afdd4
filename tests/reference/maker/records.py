# SPDX-License-Identifier: MIT OR Apache-2.0
"""Records and kept sessions (clauses 13.8 to 13.13): what each side seals, and what comes of it at the other."""
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from maker.primitives import flip, hkdf_expand, hmac256, u32, u64, u8, x25519_public
from maker.vector import seal_t, Vector

DATA, CLOSE, REQUEST, EMPTY, PADDED = range(0x28, 0x2d)
NAMES = {DATA: "data", CLOSE: "close", REQUEST: "rekey-request", EMPTY: "empty", PADDED: "padded"}
STREAM, DATAGRAM = 1, 2
INITIATOR, RESPONDER = "initiator", "responder"
LAST = 2 ** 64 - 1


class Direction:
    """Who seals one way: S_e, and where the next record stands."""
    def __init__(self, v, role, suite, secret, epoch=0, counter=0):
        self.v, self.role, self.suite, self.secret, self.epoch, self.counter = v, role, suite, secret, epoch, counter
        self.derive()

    def derive(self):
        label = "%s.epoch%d." % (self.role, self.epoch)
        self.v.step(label + "S", self.secret)
        okm = hkdf_expand(self.secret, b"sealwax/v1/transit/record\0" + u8(self.suite) + u32(self.epoch), 44)
        self.key, self.iv = self.v.step(label + "key", okm[:32]), self.v.step(label + "iv", okm[32:])

    def advance(self):
        self.secret = hkdf_expand(self.secret, b"sealwax/v1/transit/next\0" + u8(self.suite), 32)
        self.epoch, self.counter = self.epoch + 1, 0
        self.derive()

    def record(self, kind, plaintext, associated=b"", counter=None):
        """A record of any type with any plaintext, also one that nobody should make."""
        if counter is None:
            counter, self.counter = self.counter, self.counter + 1
        head = u8(kind) + u32(self.epoch) + u64(counter)
        nonce = bytes(a ^ b for a, b in zip(self.iv, counter.to_bytes(12, "big")))
        aad = head + (associated if kind in (DATA, PADDED) else b"")
        return head + {1: AESGCM, 2: ChaCha20Poly1305}[self.suite](self.key).encrypt(nonce, plaintext, aad)


class Script:
    """What both sides do, one after the other."""
    def __init__(self, name, comment, suite, expect="ok"):
        self.v, self.suite, self.steps = Vector(name, "%s Suite %d." % (comment, suite), expect), suite, []
        self.sides = {}

    def seal(self, by, kind=DATA, data=b"", associated=b"", block=0, new_epoch=False, goes_on=True):
        """`goes_on`: the wish for an epoch is heard."""
        side = self.sides[by]
        if new_epoch and goes_on:
            side.advance()
        plaintext = data
        if kind == PADDED:
            plaintext = data + b"\x80"
            plaintext += bytes(-len(plaintext) % block)
        record = side.record(kind, plaintext, associated)
        self.steps.append({"by": by, "do": "seal", "expect": "ok", "content": NAMES[kind], "plaintext": data.hex(), "associated": associated.hex(),
                           "block": block, "new_epoch": new_epoch, "record": record.hex()})
        return record

    def stuck(self, by, new_epoch=False):
        """Nothing can be sealed."""
        self.steps.append({"by": by, "do": "seal", "expect": "Limit", "content": "data", "plaintext": "", "associated": "", "block": 0, "new_epoch": new_epoch})

    def open(self, by, record, expect="ok", data=b"", associated=b""):
        step = {"by": by, "do": "open", "expect": expect, "record": record.hex(), "associated": associated.hex()}
        if expect == "ok":
            content = "data" if record[0] == PADDED else NAMES[record[0]]
            step.update(content=content, plaintext=data.hex(), epoch=int.from_bytes(record[1:5], "big"), counter=int.from_bytes(record[5:13], "big"))
        self.steps.append(step)

    def pass_on(self, by, data=b"", associated=b"", **how):
        """Sealed by one and opened by the other."""
        record = self.seal(by, data=data, associated=associated, **how)
        content = how.get("kind", DATA)
        shown = data if content in (DATA, PADDED) else b""
        self.open(RESPONDER if by == INITIATOR else INITIATOR, record, data=shown, associated=associated)
        return record


class Pair(Script):
    """Two sides that begin together."""
    def __init__(self, name, comment, suite, mode, expect="ok", window=1024):
        super().__init__("record-" + name, comment, suite, expect)
        self.mode, self.window = mode, window
        self.first = {by: self.v.bytes(by, 32) for by in (INITIATOR, RESPONDER)}
        self.sides = {by: Direction(self.v, by, suite, secret) for by, secret in self.first.items()}

    def write(self):
        assert self.steps[-1]["expect"] == self.v.expect, self.v.file
        self.v.write("record", suite=self.suite, mode=self.mode, window=self.window, initiator_to_responder=self.first[INITIATOR],
                     responder_to_initiator=self.first[RESPONDER], steps=self.steps)


def honest(suite, mode):
    name = "suite%d-%s" % (suite, {STREAM: "stream", DATAGRAM: "datagram"}[mode])
    p = Pair(name, "Every type of record, both ways.", suite, mode)
    for by, data in ((INITIATOR, b""), (INITIATOR, b"\x80"), (RESPONDER, p.v.bytes("data", 64)), (INITIATOR, p.v.bytes("more", 300))):
        p.pass_on(by, data)
    p.pass_on(RESPONDER, b"bound", associated=b"port 7")
    p.pass_on(RESPONDER, b"bound", associated=p.v.bytes("associated", 256))
    p.pass_on(INITIATOR, kind=EMPTY)
    for data, block in ((b"", 1), (b"", 16), (b"0123456789abcde", 16), (b"0123456789abcdef", 16), (b"ends like padding\x80\0", 100)):
        p.pass_on(INITIATOR, data, kind=PADDED, block=block, associated=b"port 7")
    p.pass_on(RESPONDER, b"", kind=CLOSE)
    p.pass_on(INITIATOR, b"The other direction goes on.")
    p.pass_on(INITIATOR, kind=CLOSE)
    p.write()
    p = Pair(name + "-epochs", "The caller begins epochs. One that was not used is not left.", suite, mode)
    p.pass_on(INITIATOR, b"epoch 0")
    for epoch in (1, 2, 3):
        p.pass_on(INITIATOR, b"epoch %d" % epoch, new_epoch=True)
        p.pass_on(INITIATOR, b"epoch %d, once more" % epoch)
    p.pass_on(RESPONDER, b"epoch 0", new_epoch=True, goes_on=False)
    p.pass_on(RESPONDER, b"epoch 1", new_epoch=True)
    p.write()
    p = Pair(name + "-request", "A rekey request is answered once, and only where it names the present epoch; also by who sealed nothing yet.", suite, mode)
    for round_number in range(2):
        request = p.seal(INITIATOR, kind=REQUEST, data=u32(round_number))
        again = p.seal(INITIATOR, kind=REQUEST, data=u32(round_number))
        p.open(RESPONDER, request)
        p.sides[RESPONDER].advance()
        p.pass_on(RESPONDER, b"new keys")
        p.open(RESPONDER, again)
        p.pass_on(RESPONDER, b"the same keys")
    p.open(RESPONDER, p.sides[INITIATOR].record(REQUEST, u32(77)))
    p.pass_on(RESPONDER, b"the same keys, whatever was named")
    p.write()


def longest(suite):
    p = Pair("suite%d-longest" % suite, "The longest plaintext.", suite, DATAGRAM)
    p.seal(INITIATOR, data=p.v.bytes("data", 16384))
    p.write()
    p = Pair("suite%d-too-long" % suite, "One byte more than the longest, genuine otherwise.", suite, DATAGRAM, "Limit")
    p.open(RESPONDER, p.sides[INITIATOR].record(DATA, p.v.bytes("data", 16385)), "Limit")
    p.write()


def datagrams(suite):
    def begin(name, comment, expect="ok", window=1024):
        return Pair("suite%d-datagram-%s" % (suite, name), comment, suite, DATAGRAM, expect, window)

    p = begin("reordered", "Records in another order, each once.")
    records = [p.seal(INITIATOR, data=u8(i)) for i in range(6)]
    for i in (3, 0, 5, 1, 4):
        p.open(RESPONDER, records[i], data=u8(i))
    p.open(RESPONDER, records[3], "Decrypt")
    p.open(RESPONDER, records[2], data=u8(2))
    p.write()

    p = begin("replayed", "A record that came before.", "Decrypt")
    record = p.pass_on(INITIATOR, b"once")
    p.open(RESPONDER, record, "Decrypt")
    p.write()

    p = begin("window-edge", "A window of 64: 64 below one more than the highest is taken, 65 is not.", "Decrypt", 64)
    records = [p.seal(INITIATOR, data=u8(i)) for i in range(67)]
    p.open(RESPONDER, records[66], data=u8(66))
    p.open(RESPONDER, records[3], data=u8(3))
    p.open(RESPONDER, records[3], "Decrypt")
    p.open(RESPONDER, records[2], "Decrypt")
    p.write()

    p = begin("failed-opens-change-nothing", "Records that fail move no window and begin no epoch.")
    records = [p.seal(INITIATOR, data=u8(i)) for i in range(2)]
    far = flip(records[0], 5)
    p.open(RESPONDER, far, "Decrypt")
    p.open(RESPONDER, records[0][:1] + u32(3) + records[0][5:], "Decrypt")
    p.open(RESPONDER, flip(records[1], 20), "Decrypt")
    for i in (0, 1):
        p.open(RESPONDER, records[i], data=u8(i))
    p.write()

    p = begin("previous-epoch", "The epoch that was present before is still opened, whatever its number; one that was skipped is not.", "Decrypt")
    late = [p.seal(INITIATOR, data=b"epoch 0") for _ in range(3)]
    skipped = p.seal(INITIATOR, data=b"epoch 1", new_epoch=True)
    p.pass_on(INITIATOR, b"epoch 2", new_epoch=True)
    p.open(RESPONDER, late[2], data=b"epoch 0")
    p.open(RESPONDER, late[0], data=b"epoch 0")
    p.open(RESPONDER, late[0], "Decrypt")
    p.open(RESPONDER, skipped, "Decrypt")
    p.pass_on(INITIATOR, b"epoch 3", new_epoch=True)
    p.open(RESPONDER, late[1], "Decrypt")
    p.write()

    for ahead, expect in ((64, "ok"), (65, "Decrypt")):
        p = begin("%d-ahead" % ahead, "A record %d epochs ahead, the first that comes." % ahead, expect)
        for _ in range(ahead):
            p.sides[INITIATOR].advance()
        p.open(RESPONDER, p.sides[INITIATOR].record(DATA, b"far"), expect, b"far")
        p.write()

    p = begin("unheard", "After 32 epochs without a word of the peer's a wish waits for one.")
    p.seal(INITIATOR, kind=EMPTY)
    for _ in range(32):
        record = p.seal(INITIATOR, kind=EMPTY, new_epoch=True)
    p.open(RESPONDER, record)
    p.seal(INITIATOR, kind=EMPTY, new_epoch=True, goes_on=False)
    p.pass_on(RESPONDER, b"I hear.")
    p.pass_on(INITIATOR, b"epoch 33", new_epoch=True)
    p.write()

    p = begin("after-close", "What was sealed before the close may still come; what claims a higher place is refused.", "Decrypt")
    late = p.seal(INITIATOR, data=b"late")
    p.pass_on(INITIATOR, kind=CLOSE)
    p.open(RESPONDER, late, data=b"late")
    p.open(RESPONDER, p.sides[INITIATOR].record(DATA, b"after the end"), "Decrypt")
    p.sides[INITIATOR].advance()
    p.open(RESPONDER, p.sides[INITIATOR].record(DATA, b"after the end"), "Decrypt")
    p.write()

    p = begin("reflected", "A record comes back to its own sender.", "Decrypt")
    p.open(INITIATOR, p.seal(INITIATOR, data=b"echo"), "Decrypt")
    p.write()

    p = begin("last-counter", "The counter that is never used, genuine otherwise.", "Format")
    p.open(RESPONDER, p.sides[INITIATOR].record(DATA, b"end", counter=LAST - 1), data=b"end")
    p.open(RESPONDER, p.sides[INITIATOR].record(DATA, b"end", counter=LAST), "Format")
    p.write()


def streams(suite):
    def begin(name, comment, expect="Decrypt"):
        return Pair("suite%d-stream-%s" % (suite, name), comment, suite, STREAM, expect)

    p = begin("skipped", "A record is missing. After that nothing opens, not even the missing one.")
    records = [p.seal(INITIATOR, data=u8(i)) for i in range(3)]
    p.open(RESPONDER, records[0], data=u8(0))
    p.open(RESPONDER, records[2], "Decrypt")
    p.open(RESPONDER, records[1], "Decrypt")
    p.write()

    p = begin("repeated", "A record comes twice.")
    p.open(RESPONDER, p.pass_on(INITIATOR, b"once"), "Decrypt")
    p.write()

    p = begin("changed-once", "After a record that fails, a good one is refused.")
    record = p.seal(INITIATOR, data=b"good")
    p.open(RESPONDER, flip(record, len(record) - 1), "Decrypt")
    p.open(RESPONDER, record, "Decrypt")
    p.write()

    p = begin("format-once", "After a record of no type, a good one is refused.")
    record = p.seal(INITIATOR, data=b"good")
    p.open(RESPONDER, b"\x27" + record[1:], "Format")
    p.open(RESPONDER, record, "Decrypt")
    p.write()

    p = begin("old-epoch", "There is no previous epoch in a stream.")
    p.pass_on(INITIATOR, b"epoch 0")
    late = p.sides[INITIATOR].record(DATA, b"epoch 0", counter=1)
    p.pass_on(INITIATOR, b"epoch 1", new_epoch=True)
    p.open(RESPONDER, late, "Decrypt")
    p.write()

    p = begin("epoch-skipped", "Two epochs ahead.")
    p.pass_on(INITIATOR, b"epoch 0")
    p.sides[INITIATOR].advance()
    p.sides[INITIATOR].advance()
    p.open(RESPONDER, p.sides[INITIATOR].record(DATA, b"epoch 2"), "Decrypt")
    p.write()

    p = begin("epoch-not-at-0", "The first record of an epoch has another counter than 0.")
    p.pass_on(INITIATOR, b"epoch 0")
    p.sides[INITIATOR].advance()
    p.open(RESPONDER, p.sides[INITIATOR].record(DATA, b"epoch 1", counter=1), "Decrypt")
    p.write()

    p = begin("after-close", "A record after the close.")
    p.pass_on(INITIATOR, kind=CLOSE)
    p.open(RESPONDER, p.sides[INITIATOR].record(DATA, b"after the end"), "Decrypt")
    p.write()


def damaged():
    """One record each, which differs from a good one in one thing."""
    for name, comment, expect, damage in (
            ("no-bytes", "No bytes at all.", "Format", lambda r: b""),
            ("28-bytes", "One byte less than an empty record.", "Format", lambda r: r[:28]),
            ("type-27", "Type 0x27.", "Format", lambda r: b"\x27" + r[1:]),
            ("type-2d", "Type 0x2d.", "Format", lambda r: b"\x2d" + r[1:]),
            ("type-padded", "Data as padded data.", "Decrypt", lambda r: b"\x2c" + r[1:]),
            ("type-empty", "Data as an empty record.", "Decrypt", lambda r: b"\x2b" + r[1:]),
            ("epoch", "One bit of the epoch: 4 ahead.", "Decrypt", lambda r: r[:4] + u8(r[4] ^ 4) + r[5:]),
            ("epoch-far", "The highest bit of the epoch.", "Decrypt", lambda r: r[:1] + u8(r[1] ^ 128) + r[2:]),
            ("counter", "One bit of the counter.", "Decrypt", lambda r: flip(r, 12)),
            ("counter-far", "The highest byte of the counter.", "Decrypt", lambda r: flip(r, 5)),
            ("ciphertext", "One bit of the ciphertext.", "Decrypt", lambda r: flip(r, 13)),
            ("tag", "One bit of the tag.", "Decrypt", lambda r: flip(r, len(r) - 1)),
            ("shortened", "The last byte is missing.", "Decrypt", lambda r: r[:-1]),
            ("extended", "One byte more.", "Decrypt", lambda r: r + b"\0")):
        suite = 1 + len(name) % 2
        p = Pair("damaged-" + name, comment, suite, DATAGRAM, expect)
        p.open(RESPONDER, damage(p.seal(INITIATOR, data=b"telemetry")), expect)
        p.write()
    for name, comment, sealed, given in (("associated-differs", "The associated data differs.", b"port 7", b"port 8"),
                                         ("associated-missing", "The associated data is not given.", b"port 7", b""),
                                         ("associated-extra", "Associated data is given, and was not sealed.", b"", b"\0")):
        p = Pair("damaged-" + name, comment, 2, DATAGRAM, "Decrypt")
        p.open(RESPONDER, p.seal(INITIATOR, data=b"telemetry", associated=sealed), "Decrypt", associated=given)
        p.write()
    for name, comment, kind, plaintext in (
            ("close-with-data", "A close that has data.", CLOSE, b"x"),
            ("empty-with-data", "An empty record that has data.", EMPTY, b"x"),
            ("request-3-bytes", "A rekey request of 3 bytes.", REQUEST, bytes(3)),
            ("request-5-bytes", "A rekey request of 5 bytes.", REQUEST, bytes(5)),
            ("padded-nothing", "Padded data without any byte.", PADDED, b""),
            ("padded-zeros", "Padded data of zero bytes.", PADDED, bytes(16)),
            ("padded-other-mark", "Padded data with another mark than 0x80.", PADDED, b"data\x81\0\0")):
        p = Pair("content-" + name, comment + " Its tag holds.", 1 + len(name) % 2, DATAGRAM, "Decrypt")
        p.open(RESPONDER, p.sides[INITIATOR].record(kind, plaintext), "Decrypt")
        p.write()
    p = Pair("content-associated-of-others", "Records without data bind no associated data: whatever is given, they open.", 2, DATAGRAM)
    for kind, data in ((EMPTY, b""), (REQUEST, u32(0)), (CLOSE, b"")):
        p.open(RESPONDER, p.seal(INITIATOR, kind=kind, data=data), associated=b"port 7")
    p.write()


class Kept(Script):
    """A side that comes back after a restart (clause 13.13)."""
    def __init__(self, name, comment, suite=2, role=INITIATOR, sending=(0, 1000), receiving=(0, 2000), unheard=0, failed=0, age=3600000, has_peer=True):
        super().__init__("session-" + name, comment, suite, "ok")
        v = self.v
        self.role, self.other = role, RESPONDER if role == INITIATOR else INITIATOR
        self.device, self.slot = v.bytes("device", 32), b"uplink"
        self.peer = x25519_public(v.bytes("peer", 32)) if has_peer else b""
        self.binding, self.age, self.failed, self.unheard = v.bytes("binding", 32), age, failed, unheard
        self.sides = {role: Direction(v, role, suite, v.bytes("sending", 32), *sending),
                      self.other: Direction(v, self.other, suite, v.bytes("receiving", 32), *receiving)}
        self.heard = receiving
        self.receiving_secret = self.sides[self.other].secret
        k_export = v.step("K_export", hkdf_expand(self.device, b"sealwax/v1/transit/export\0" + u8(suite), 32))
        self.k_salt = v.step("K_salt", hkdf_expand(self.device, b"sealwax/v1/transit/export-salt\0" + u8(suite), 32))
        self.k_export, self.stores = k_export, 0
        self.kept = self.keep(sending, receiving)

    def keep(self, sending, receiving):
        v, label = self.v, "store%d" % self.stores
        self.random = v.bytes(label, 24)
        head = b"SWXS\x01" + u8(self.suite)
        ctx = v.step(label + ".ctx", head + u8(len(self.slot)) + self.slot + (self.peer or bytes(32)))
        state = u8(DATAGRAM) + u8({INITIATOR: 1, RESPONDER: 2}[self.role]) + self.binding + u64(self.age) + u64(self.failed) + u32(self.unheard)
        state += u32(sending[0]) + u64(sending[1]) + self.sides[self.role].secret + u32(receiving[0]) + u64(receiving[1]) + self.receiving_secret
        v.step(label + ".state", state)
        salt = hmac256(self.k_salt, self.random + u64(len(ctx)) + ctx + state)[:24]          # 3.5
        kept = head + seal_t(v, label + ".T", self.k_export, self.suite, ctx, state, salt)
        self.stores += 1
        return kept

    def come_back(self):
        self.parsed = {"mode": DATAGRAM, "role": {INITIATOR: 1, RESPONDER: 2}[self.role], "binding": self.binding.hex(), "age": self.age,
                       "failed_opens": self.failed, "unheard": self.unheard}
        for name, by in (("sending", self.role), ("receiving", self.other)):
            side = self.sides[by]
            self.parsed[name] = {"epoch": side.epoch, "counter": side.counter, "secret": side.secret.hex()}
        own = self.sides[self.role]
        if self.unheard < 32 and own.epoch < 2 ** 32 - 1:
            own.advance()
            self.unheard += 1

    def leave(self):
        """The epoch is left by a wish, which needs a place above the stored one."""
        self.stuck(self.role, new_epoch=True)
        self.sides[self.role].advance()
        self.unheard += 1

    def store(self, block):
        own = self.sides[self.role]
        kept = self.keep((own.epoch, min(own.counter + block, LAST)), (self.heard[0], min(self.heard[1] + block, LAST)))
        self.steps.append({"by": self.role, "do": "store", "expect": "ok", "block": block, "random": self.random.hex(), "kept": kept.hex()})

    def hear(self, record, data=b"", expect="ok"):
        """A record of the peer's, whose tag holds."""
        place = int.from_bytes(record[1:5], "big"), int.from_bytes(record[5:13], "big")
        if place[0] > self.heard[0]:
            self.failed, self.receiving_secret = 0, self.sides[self.other].secret
        self.heard = max(self.heard, (place[0], place[1] + 1))
        if expect == "ok":
            self.unheard = 0
        self.open(self.role, record, expect, data)

    def write(self, kept=None, device=None, slot=None, peer=None, expect="ok"):
        self.v.expect = expect
        ok = expect == "ok"
        self.v.write("session", device=self.device if device is None else device, slot=self.slot if slot is None else slot,
                     peer=self.peer if peer is None else peer, kept=self.kept if kept is None else kept,
                     parsed=self.parsed if ok else None, steps=self.steps if ok else None)


def kept():
    for suite in (1, 2):
        for role in (INITIATOR, RESPONDER):
            k = Kept("suite%d-%s" % (suite, role), "A session is kept, comes back, asks the peer for other keys, and hears it.", suite, role)
            k.come_back()
            k.stuck(role)
            k.store(100)
            peer = k.sides[k.other]
            k.open(role, peer.record(DATA, b"before the restart", counter=1999), "Decrypt")
            k.seal(role, kind=REQUEST, data=u32(0))
            k.seal(role, data=b"telemetry")
            peer.advance()
            answer = peer.record(DATA, b"new keys")
            k.hear(answer, expect="Limit")
            k.store(100)
            k.hear(answer, b"new keys")
            k.open(role, answer, "Decrypt")
            k.leave()
            k.store(1)
            k.seal(role, data=b"the last of its block")
            k.stuck(role)
            k.write()

    k = Kept("end-of-block", "The end of a block is where sealing and opening stop.", 1, has_peer=False, sending=(5, 70), receiving=(9, 0))
    k.come_back()
    k.store(2)
    peer = k.sides[RESPONDER]
    k.hear(peer.record(DATA, b"0"), b"0")
    k.hear(peer.record(DATA, b"1"), b"1")
    k.hear(peer.record(DATA, b"2", counter=2), expect="Limit")
    k.seal(INITIATOR, data=b"0")
    k.seal(INITIATOR, data=b"1")
    k.stuck(INITIATOR)
    k.store(1)
    k.hear(peer.record(DATA, b"2", counter=2), b"2")
    k.write()

    k = Kept("last-counters", "The peer's last counters: all but the highest are used.", 2, receiving=(7, LAST - 3))
    k.come_back()
    k.store(2 ** 32 - 1)
    peer = k.sides[RESPONDER]
    for counter in (LAST - 1, LAST - 3, LAST - 2):
        k.hear(peer.record(DATA, b"late", counter=counter), b"late")
    k.open(INITIATOR, peer.record(DATA, b"late", counter=LAST - 1), "Decrypt")
    k.open(INITIATOR, peer.record(DATA, b"late", counter=LAST), "Format")
    k.write()

    k = Kept("last-epoch", "The last epoch is not left after a restart, and by a wish there is none to begin.", 1, RESPONDER,
             sending=(2 ** 32 - 1, 5), receiving=(2 ** 32 - 1, 5))
    k.come_back()
    k.store(1000)
    k.seal(RESPONDER, data=b"5")
    k.seal(RESPONDER, data=b"6")
    k.hear(k.sides[INITIATOR].record(DATA, b"heard"), b"heard")
    k.stuck(RESPONDER, new_epoch=True)
    k.write()

    k = Kept("unheard", "After 32 epochs without a word of the peer's the epoch is not left.", 2, sending=(40, 12), unheard=32, failed=9, age=86399999)
    k.come_back()
    k.store(10)
    k.seal(INITIATOR, data=b"epoch 40")
    k.hear(k.sides[RESPONDER].record(DATA, b"heard"), b"heard")
    k.leave()
    k.store(10)
    k.seal(INITIATOR, data=b"epoch 41")
    k.write()


def kept_refused():
    for name, comment, expect, change in (
            ("other-device", "Another device key.", "Decrypt", lambda k: {"device": k.v.bytes("other", 32)}),
            ("other-slot", "The name of another place.", "Decrypt", lambda k: {"slot": b"downlink"}),
            ("other-peer", "Another peer.", "Decrypt", lambda k: {"peer": x25519_public(k.v.bytes("other", 32))}),
            ("no-peer", "The peer is not given.", "Decrypt", lambda k: {"peer": b""}),
            ("magic", "Another magic.", "Format", lambda k: {"kept": b"SWXX" + k.kept[4:]}),
            ("version", "Version 2.", "Format", lambda k: {"kept": k.kept[:4] + b"\x02" + k.kept[5:]}),
            ("suite", "Suite 3.", "Format", lambda k: {"kept": k.kept[:5] + b"\x03" + k.kept[6:]}),
            ("other-suite", "The other suite.", "Decrypt", lambda k: {"kept": k.kept[:5] + b"\x01" + k.kept[6:]}),
            ("salt", "One bit of the salt.", "Decrypt", lambda k: {"kept": flip(k.kept, 6)}),
            ("commitment", "One bit of the commitment.", "Decrypt", lambda k: {"kept": flip(k.kept, 6 + 24)}),
            ("state", "One bit of the state.", "Decrypt", lambda k: {"kept": flip(k.kept, 6 + 56)}),
            ("tag", "One bit of the tag.", "Decrypt", lambda k: {"kept": flip(k.kept, len(k.kept) - 1)}),
            ("cut", "The last byte is missing.", "Truncated", lambda k: {"kept": k.kept[:-1]}),
            ("no-bytes", "No bytes at all.", "Truncated", lambda k: {"kept": b""}),
            ("extended", "One byte more.", "Format", lambda k: {"kept": k.kept + b"\0"}),
            ("ended", "The zeros that an end leaves.", "Format", lambda k: {"kept": bytes(len(k.kept))})):
        k = Kept("refused-" + name, comment)
        k.write(expect=expect, **change(k))


def records():
    for suite in (1, 2):
        for mode in (STREAM, DATAGRAM):
            honest(suite, mode)
        longest(suite)
        datagrams(suite)
        streams(suite)
    damaged()
    kept()
    kept_refused()
