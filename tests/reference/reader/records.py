# SPDX-License-Identifier: MIT OR Apache-2.0
"""Records and kept sessions (format.md 13.8 to 13.14): two sides that seal and open what a vector's steps say, at time 0."""
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from reader.base import aead_open, at_most, be, Decrypt, expand, Format, H, HMAC, Limit, need, note, one_of, Reader, SealwaxError, Truncated, same
TYPES = {0x28: "data", 0x29: "close", 0x2a: "rekey-request", 0x2b: "empty", 0x2c: "padded"}
ROLES = ("initiator", "responder")
TOP = (1 << 64) - 1
STEP = {"seal": "content plaintext associated block new_epoch", "open": "record associated", "store": "block random"}
RESULT = {"seal": "record", "open": "content plaintext epoch counter", "store": "kept"}
class Keys:                                                                        # 13.9
    def __init__(self, who, suite, secret, epoch):
        self.who, self.suite, self.secret, self.epoch = who, suite, secret, epoch
        label = "%s.epoch%d." % (who, epoch)
        okm = expand(secret, b"sealwax/v1/transit/record\0" + be(suite, 1) + be(epoch, 4), 44)
        self.key, self.iv = okm[:32], int.from_bytes(okm[32:], "big")
        self.notes = [(label + "S", secret), (label + "key", self.key), (label + "iv", okm[32:])]
    def used(self):
        for name, value in self.notes: note(name, value)
        self.notes = []
    def next(self):
        need(self.epoch < 2 ** 32 - 1, Limit)
        return Keys(self.who, self.suite, expand(self.secret, b"sealwax/v1/transit/next\0" + be(self.suite, 1), 32), self.epoch + 1)
    def aead(self): return (AESGCM if self.suite == 1 else ChaCha20Poly1305)(self.key)
    def nonce(self, counter): return (self.iv ^ counter).to_bytes(12, "big")
class Side:
    def __init__(self, mode, window, mine, theirs, counter=0, came=0):
        self.mode, self.window, self.keys, self.counter = mode, window, mine, counter
        self.wanted, self.asked, self.unheard, self.closed = False, None, 0, False
        self.present, self.seen, self.next, self.first = theirs, set(), came, came
        self.previous, self.end, self.broken = None, None, False
        self.heard, self.reserved, self.failed = (theirs.epoch, came), None, 0
    # --- sealing -------------------------------------------------------------------------------
    def seal(self, content, plaintext, associated, block, new_epoch):
        if new_epoch: self.wanted = True
        kind = {name: number for number, name in TYPES.items()}[content]
        if kind == 0x2c:
            plaintext += b"\x80"
            plaintext += bytes(-len(plaintext) % block)
        at_most(len(plaintext), 16384)
        may = self.mode == 1 or self.unheard < 32                                  # 13.12
        if self.asked == self.keys.epoch or self.counter and self.wanted and may:
            self.leave()
        need(not self.reserved or (self.keys.epoch, self.counter) < self.reserved[0], Limit)
        need(self.counter < TOP, Limit)
        head = be(kind, 1) + be(self.keys.epoch, 4) + be(self.counter, 8)
        sealed = self.keys.aead().encrypt(self.keys.nonce(self.counter), plaintext, head + (associated if kind in (0x28, 0x2c) else b""))
        self.keys.used()
        self.counter += 1
        self.closed = kind == 0x29
        return {"record": head + sealed}
    def leave(self):
        self.keys = self.keys.next()
        self.counter, self.wanted, self.unheard = 0, False, self.unheard + 1
    # --- opening -------------------------------------------------------------------------------
    def open(self, record, associated):
        if self.broken: raise Decrypt                                              # 13.14
        try:
            return self.take(record, associated)
        except SealwaxError:
            self.broken = self.mode == 1
            raise
    def take(self, record, associated):
        reader = Reader(record)
        need(len(record) >= 29)
        at_most(len(record) - 29, 16384)
        kind, epoch, counter = one_of(reader.int(1), TYPES), reader.int(4), reader.int(8)
        need(counter != TOP)
        body, head = reader.take(reader.left()), record[:13]
        need(not (self.end and (epoch, counter) > self.end), Decrypt)              # 13.10 (a)
        ahead, old = epoch - self.present.epoch, None
        if self.mode == 1:                                                         # 13.11
            need(not self.end and (ahead, counter) in ((0, self.next), (1, 0)), Decrypt)
        elif ahead == 0:
            need(self.is_fresh(self.seen, self.next, self.first, counter), Decrypt)
        elif ahead < 0:
            need(self.previous and self.previous[0].epoch == epoch, Decrypt)
            old = self.previous
            need(self.is_fresh(*old[1:], counter), Decrypt)
        need(ahead <= 64, Decrypt)
        keys = old[0] if old else self.present
        for _ in range(max(ahead, 0)): keys = keys.next()
        aad = head + (associated if kind in (0x28, 0x2c) else b"")
        try:
            plaintext = keys.aead().decrypt(keys.nonce(counter), body, aad)
        except InvalidTag:
            self.failed += ahead == 0
            raise Decrypt from None
        keys.used()
        if ahead > 0:
            self.previous = (self.present, self.seen, self.next, self.first) if self.mode == 2 else None
            self.present, self.seen, self.next, self.first, self.failed = keys, set(), 0, 0, 0
        self.heard = max(self.heard, (epoch, counter + 1))
        need(not self.reserved or (epoch, counter) < self.reserved[1], Limit)      # 13.13
        if old:
            old[1].add(counter)
            self.previous = (old[0], old[1], max(old[2], counter + 1), old[3])
        else:
            self.seen.add(counter)
            self.next = max(self.next, counter + 1)
        self.unheard, content = 0, TYPES[kind]
        if content == "padded":
            data = plaintext.rstrip(b"\0")
            need(data[-1:] == b"\x80", Decrypt)
            content, plaintext = "data", data[:-1]
        elif content == "rekey-request":
            need(len(plaintext) == 4, Decrypt)
            self.asked, plaintext = int.from_bytes(plaintext, "big"), b""
        elif content != "data":
            need(not plaintext, Decrypt)
        if content == "close": self.end = (epoch, counter)
        return {"content": content, "plaintext": plaintext, "epoch": epoch, "counter": counter}
    def is_fresh(self, seen, after, first, counter):
        return counter >= after or (after - counter <= self.window and counter >= first and counter not in seen)
def agree(ok, step):
    if not ok: raise ValueError("it comes out otherwise: %.200r" % step)
def run(sides, steps, store=None):
    """What the last step was refused with, if it was."""
    refused = None
    for step in steps:
        do = one_of(step["do"], STEP)
        fields = ["by", "do", "expect"] + STEP[do].split() + (RESULT[do].split() if step["expect"] == "ok" else [])
        agree(sorted(step) == sorted(fields), step)
        given = {name: step[name] if not isinstance(step[name], str) or name == "content" else bytes.fromhex(step[name]) for name in STEP[do].split()}
        side = sides[step["by"]]
        try:
            got, refused = store(**given) if do == "store" else getattr(side, do)(**given), None
        except SealwaxError as error:
            refused = error
            agree(type(error).__name__ == step["expect"], step)
            continue
        agree(step["expect"] == "ok", step)
        for name in RESULT[do].split():
            agree((got[name].hex() if isinstance(got[name], bytes) else got[name]) == step[name], step)
    return refused
def play(v):
    """Of a vector of type `record`."""
    firsts = [bytes.fromhex(v[name]) for name in ("initiator_to_responder", "responder_to_initiator")]
    def keys(at): return Keys(ROLES[at], one_of(v["suite"], (1, 2)), firsts[at], 0)
    mode, window = one_of(v["mode"], (1, 2)), v["window"]
    need(64 <= window <= 8192)
    refused = run({role: Side(mode, window, keys(at), keys(1 - at)) for at, role in enumerate(ROLES)}, v["steps"])
    if refused: raise refused
    return {}
def t_key(key, salt, ctx, label):                                                  # 3.1
    okm = expand(key, b"sealwax/v1/T" + salt + ctx, 64)
    return note(label + "key", okm[:32]), note(label + "commitment", okm[32:])
def come_back(v):
    """Of a vector of type `session` (13.13)."""
    device, slot, peer, kept = (bytes.fromhex(v[name]) for name in ("device", "slot", "peer", "kept"))
    reader = Reader(kept, Truncated)
    need(reader.take(4) == b"SWXS" and reader.int(1) == 1)
    suite = one_of(reader.int(1), (1, 2))
    sealed = reader.take(24 + 32 + 142 + 16)
    need(not reader.left())
    k_export = note("K_export", expand(device, b"sealwax/v1/transit/export\0" + be(suite, 1), 32))
    ctx = note("store0.ctx", kept[:6] + be(len(slot), 1) + slot + (peer or bytes(32)))
    key, commitment = t_key(k_export, note("store0.T.salt", sealed[:24]), ctx, "store0.T.")
    need(same(commitment, sealed[24:56]), Decrypt)
    state = Reader(note("store0.state", aead_open(suite, key, bytes(12), sealed[56:])))
    mode, role, binding = one_of(state.int(1), (2,)), one_of(state.int(1), (1, 2)), state.take(32)
    parsed = {"mode": mode, "role": role, "binding": binding.hex(), **state.ints(age=8, failed_opens=8, unheard=4)}
    for way in ("sending", "receiving"):
        parsed[way] = {**state.ints(epoch=4, counter=8), "secret": state.take(32).hex()}
    mine, other = ROLES[role - 1], ROLES[2 - role]
    keys = {way: Keys(who, suite, bytes.fromhex(parsed[way]["secret"]), parsed[way]["epoch"]) for way, who in (("sending", mine), ("receiving", other))}
    for one in keys.values(): one.used()
    side = Side(mode, 1024, keys["sending"], keys["receiving"], parsed["sending"]["counter"], parsed["receiving"]["counter"])
    side.failed, side.unheard = parsed["failed_opens"], parsed["unheard"]
    if side.unheard < 32 and side.keys.epoch < 2 ** 32 - 1: side.leave()
    side.reserved = ((side.keys.epoch, side.counter), (parsed["receiving"]["epoch"], parsed["receiving"]["counter"]))
    stores = [1]
    def store(block, random):
        label = "store%d." % stores[0]
        stores[0] += 1
        ends = (side.keys.epoch, min(side.counter + block, TOP)), (side.heard[0], min(side.heard[1] + block, TOP))
        state = be(mode, 1) + be(role, 1) + binding + be(parsed["age"], 8) + be(side.failed, 8) + be(side.unheard, 4)
        for (epoch, counter), one in zip(ends, (side.keys, side.present)): state += be(epoch, 4) + be(counter, 8) + one.secret
        note(label + "state", state), note(label + "ctx", ctx)
        k_salt = note("K_salt", expand(device, b"sealwax/v1/transit/export-salt\0" + be(suite, 1), 32))
        salt = note(label + "T.salt", HMAC(k_salt, random, be(len(ctx), 8), ctx, state)[:24])
        key, commitment = t_key(k_export, salt, ctx, label + "T.")
        side.reserved = ends
        sealed = (AESGCM if suite == 1 else ChaCha20Poly1305)(key).encrypt(bytes(12), state, None)
        return {"kept": kept[:6] + salt + commitment + sealed}
    run({mine: side}, v.get("steps", []), store)                                   # `expect` is that of the kept session alone
    return {"parsed": parsed, "steps": v.get("steps", [])}
