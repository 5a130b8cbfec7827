"""nginx under load: static files, compression and included parts."""

import hashlib
import os
import socket
import urllib.error
import urllib.request
from pathlib import Path

from macro.program import Server, plainly
from runner.execute import Command
from runner.packages import Need

REQUESTS = "8000"
CLIENTS = "20"
PAGES = ("/small.txt", "/page.html", "/parts.shtml")

_CONFIG = """\
{user}
worker_processes 1;
daemon off;
pid "{folder}/nginx.pid";
error_log stderr crit;
events {{ worker_connections 256; }}
http {{
	access_log off;
	client_body_temp_path "{folder}/body";
	proxy_temp_path "{folder}/proxy";
	fastcgi_temp_path "{folder}/fastcgi";
	uwsgi_temp_path "{folder}/uwsgi";
	scgi_temp_path "{folder}/scgi";
	keepalive_requests 1000;
	gzip on;
	gzip_types *;
	gzip_min_length 1000;
	etag off;
	server {{
		listen 127.0.0.1:{port};
		root "{folder}/www";
		location ~ shtml$ {{ ssi on; ssi_types *; }}
	}}
}}
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Nginx(Server):
    """One nginx worker and a client that keeps its connections."""

    name = "nginx"
    title = "nginx: static pages, gzip, server-side includes"
    crash_words = "exited on signal"
    needs = (Need("nginx-light", command="nginx"), Need("apache2-utils", command="ab"))

    def __init__(self) -> None:
        self.port = 0

    def make_inputs(self, folder: Path) -> None:
        self.port = _free_port()
        folder.chmod(0o755)
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(
            _CONFIG.format(folder=folder, port=self.port, user=user), encoding="utf-8")
        www = folder / "www"
        www.mkdir(exist_ok=True)
        (www / "small.txt").write_text("a small page\n", encoding="utf-8")
        (www / "page.html").write_text(
            "".join(f"<p>paragraph {i * 7919 % 1000}</p>\n" for i in range(400)), encoding="utf-8")
        (www / "parts.shtml").write_text(
            "".join(f'<!--#set var="v{i}" value="{i}" --><!--#echo var="v{i}" -->'
                    '<!--#include virtual="/small.txt" -->\n' for i in range(15)),
            encoding="utf-8")

    def command(self, folder: Path) -> Command:
        return ["nginx", "-p", folder, "-c", folder / "nginx.conf"]

    def _get(self, page: str) -> bytes:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{page}", headers={"Accept-Encoding": "gzip"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=5) as reply:
            return reply.read()

    def answers(self, folder: Path) -> bool:
        try:
            return bool(self._get(PAGES[0]))
        except (urllib.error.URLError, OSError):
            return False

    def load(self, folder: Path, timeout: float) -> None:
        for page in PAGES:
            said = plainly("ab", "-q", "-k", "-c", CLIENTS, "-n", REQUESTS,
                           "-H", "Accept-Encoding: gzip",
                           f"http://127.0.0.1:{self.port}{page}", timeout=timeout).decode()
            if f"Complete requests:      {REQUESTS}" not in said or "Non-2xx" in said:
                raise RuntimeError(f"ab: {said[-200:]}")

    def state(self, folder: Path) -> str:
        return hashlib.sha256(b"".join(self._get(page) for page in PAGES)).hexdigest()

    def stop(self, folder: Path) -> None:
        plainly("nginx", "-p", folder, "-c", folder / "nginx.conf", "-s", "quit")
