#!/usr/bin/env python3
"""Makes the keys of this folder anew: operator, account and user of a NATS server, from fixed seeds. For tests only: all are public.

operator.conf is what the server is started with (after a line with its port), hub.creds what a feed gets, user.seed and user.pub an NKey.
"""
import base64, hashlib, json, struct
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PREFIX = {"operator": 14 << 3, "account": 0, "user": 20 << 3}


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021) & 0xFFFF if crc & 0x8000 else crc << 1 & 0xFFFF
    return crc


def encoded(data):
    return base64.b32encode(data + struct.pack("<H", crc16(data))).decode().rstrip("=")


class Key:
    def __init__(self, kind):
        self.kind, raw = kind, hashlib.sha256(f"yiping test {kind}".encode()).digest()
        self.key = Ed25519PrivateKey.from_private_bytes(raw)
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = encoded(bytes([PREFIX[kind]]) + public)
        seed = 18 << 3
        self.seed = encoded(bytes([seed | PREFIX[kind] >> 5, (PREFIX[kind] & 31) << 3]) + raw)

    def jwt(self, about, nats):
        part = lambda value: base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")
        claims = {"jti": "YIPING", "iat": 1767225600, "iss": self.public, "name": f"test-{about.kind}", "sub": about.public,
                  "nats": {**nats, "type": about.kind, "version": 2}}
        text = part({"typ": "JWT", "alg": "ed25519-nkey"}) + "." + part(claims)
        return text + "." + base64.urlsafe_b64encode(self.key.sign(text.encode())).decode().rstrip("=")


operator, account, user = Key("operator"), Key("account"), Key("user")
limits = dict(subs=-1, data=-1, payload=-1, imports=-1, exports=-1, wildcards=True, conn=-1, leaf=-1)
may = {"pub": {}, "sub": {}}
account_jwt = operator.jwt(account, {"limits": limits, "default_permissions": may})
user_jwt = account.jwt(user, {**may, "subs": -1, "data": -1, "payload": -1})
with open("operator.conf", "w") as f:
    f.write(f"operator: {operator.jwt(operator, {})}\nresolver: MEMORY\nresolver_preload: {{ {account.public}: {account_jwt} }}\n")
with open("hub.creds", "w") as f:
    f.write(f"-----BEGIN NATS USER JWT-----\n{user_jwt}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n")
open("user.seed", "w").write(user.seed + "\n")
open("user.pub", "w").write(user.public + "\n")
