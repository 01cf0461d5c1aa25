"""A mail server of aiosmtpd: keeps what comes in a file, one JSON document a line.

smtp_server.py PORT FILE [CERT KEY MODE]     MODE: starttls or always
A file beside it, FILE.mood, says what it does: takes, fails (451), refuses (550) or hangs.
With TLS a login is asked for: user `rackstreet`, password `right`.
"""
import asyncio
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

port, path = int(sys.argv[1]), sys.argv[2]
cert, key, mode = (sys.argv[3:6] + [None] * 3)[:3]


def mood():
    try:
        with open(path + ".mood", encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return "takes"


class Keeper:
    async def handle_DATA(self, server, session, envelope):
        now = mood()
        if now == "fails":
            return "451 try later"
        if now == "refuses":
            return "550 no such thing"
        if now == "hangs":
            await asyncio.sleep(600)
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "data": envelope.content.decode("utf-8"),
            "tls": session.ssl is not None or mode == "always",
            "login": bool(session.authenticated),
        }
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(mail) + "\n")
            file.flush()
            os.fsync(file.fileno())
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b"rackstreet" and data.password == b"right"
    return AuthResult(success=good, handled=good)


context = None
if cert:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
starttls = context if mode == "starttls" else None


def factory():
    return SMTP(
        Keeper(),
        hostname="test",
        tls_context=starttls,
        require_starttls=starttls is not None,
        auth_required=bool(cert),
        auth_require_tls=mode == "starttls",
        authenticator=authenticate,
    )


async def main():
    wrap = context if mode == "always" else None
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", port, ssl=wrap)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main())
