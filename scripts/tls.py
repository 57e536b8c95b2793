"""TLS and HTTP/2 before the sandbox, which has neither: nghttpx, with a certificate of its own."""

import pathlib
import shutil
import socket
import subprocess
import sys
import time


def certificate(folder, name, alternatives):
    """Makes NAME.pem in a folder, a certificate of its own for alternatives such as "IP:127.0.0.1", and NAME.key."""
    pem, key = pathlib.Path(folder) / f"{name}.pem", pathlib.Path(folder) / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=sandbox", "-addext", f"subjectAltName={alternatives}"]
    subprocess.run([*command, "-keyout", key, "-out", pem], check=True, stderr=subprocess.DEVNULL)
    return pem, key


class Front:
    """A server that speaks HTTP/2 or HTTP/1.1, as the client prefers, and asks the sandbox; for a with statement."""

    @staticmethod
    def is_possible():
        return shutil.which("nghttpx") and shutil.which("openssl")

    def __init__(self, url, folder, rate=0):
        """rate: bytes per second that each connection gets; 0 for no limit."""
        self.target, self.rate = url.rpartition(":")[2], rate
        self.log = pathlib.Path(folder) / "front.log"
        self.certificate, self.key = certificate(folder, "front", "IP:127.0.0.1")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"https://127.0.0.1:{self.port}"
        self.curl_options = ["--cacert", self.certificate]

    def __enter__(self):
        # nghttpx 1.52 stands still when its burst is smaller than its rate. Windows are as large as those of a service:
        # by default a body from the client stops every 64 KiB.
        command = [
            "nghttpx", f"--frontend=127.0.0.1,{self.port}", f"--backend=127.0.0.1,{self.target}", "--workers=1",
            "--conf=/dev/null", "--frontend-http2-window-size=1M", "--frontend-http2-connection-window-size=16M",
            "--no-ocsp", f"--write-rate={self.rate}", f"--write-burst={self.rate}", f"--errorlog-file={self.log}",
            str(self.key), str(self.certificate),
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            if self.process.poll() is not None:
                sys.exit(f"nghttpx ended with {self.process.returncode}: see {self.log}")
            with socket.socket() as look:
                if look.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.05)
        sys.exit("nghttpx does not answer")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
