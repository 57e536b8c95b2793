"""A way for programs that know only Dropbox's own hosts to the sandbox: an HTTP proxy that answers in their place.

Whoever uses it as proxy and trusts its certificate talks to the sandbox instead of Dropbox; nothing else can be reached
through it. It needs the command openssl.
"""

import asyncio
import pathlib
import ssl
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "scripts"))
import tls

HOSTS = ["api.dropboxapi.com", "content.dropboxapi.com", "notify.dropboxapi.com", "www.dropbox.com"]


async def pump(reader, writer):
    try:
        while data := await reader.read(1 << 18):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def main(folder, target):
    pem, key = tls.certificate(folder, "gateway", ",".join(f"DNS:{host}" for host in HOSTS))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)

    async def serve(reader, writer):
        try:
            line = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0].decode()
            if line.split(" ")[1].removesuffix(":443") not in HOSTS:
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return writer.close()
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            await writer.start_tls(context)
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
        except (OSError, asyncio.IncompleteReadError):
            return writer.close()
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = pathlib.Path(folder) / "gateway.port"
    port.with_suffix(".new").write_text(str(server.sockets[0].getsockname()[1]))
    port.with_suffix(".new").rename(port)
    await server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("gateway.py FOLDER PORT_OF_THE_SANDBOX: writes gateway.pem and gateway.port into FOLDER")
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
