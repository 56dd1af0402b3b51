"""A real Kannel with its fake SMSC, configured as docs/backends/kannel.md says."""

import tempfile
from pathlib import Path

import requests

from tests.services.processes import Process, free_port, wait_until

CONFIGURATION = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = bar
smsbox-port = {box}
smsbox-interface = 127.0.0.1
box-deny-ip = "*.*.*.*"
box-allow-ip = "127.0.0.1"
sms-resend-freq = 2

group = smsc
smsc = fake
smsc-id = FAKE
host = 127.0.0.1
port = {smsc}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
mo-recode = true
http-request-retry = 3
http-queue-delay = 1

group = sendsms-user
username = tester
password = foobar
max-messages = 10
concatenation = true

group = sms-service
keyword = default
catch-all = yes
max-messages = 0
get-url = "{webhook}?secret=kannel-secret&from=%p&to=%P&text=%b&charset=%C&coding=%c&sms_id=%I&at=%T"
"""


class Kannel:
    """bearerbox, smsbox, and a fake phone network that prints each SMS it gets and sends those that it is given."""

    def __init__(self, webhook: str) -> None:
        self.admin, self.box, self.smsc, self.sendsms = (free_port() for _ in range(4))
        folder = Path(tempfile.mkdtemp(prefix="rcs-kannel-"))
        folder.chmod(0o755)
        self.configuration = folder / "kannel.conf"
        self.configuration.write_text(
            CONFIGURATION.format(
                admin=self.admin, box=self.box, smsc=self.smsc, sendsms=self.sendsms, webhook=webhook
            )
        )
        self.processes: list[Process] = []
        self._start("/usr/sbin/bearerbox", "-v", "4", str(self.configuration), ready="<gateway>")
        self._start("/usr/sbin/smsbox", "-v", "4", str(self.configuration), ready="<type>smsbox</type>")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.sendsms}/cgi-bin/sendsms"

    def connect(self, *said: str) -> Process:
        """Start the network. Each of `said`, e.g. "37255501234 123 text 1", comes from a phone."""
        count = str(len(said)) if said else "0"
        network = Process(
            "/usr/lib/kannel/test/fakesmsc", "-H", "127.0.0.1", "-r", str(self.smsc), "-i", "0.1", "-m", count,
            *(said or ("0 0 text unused",)),
        )  # fmt: skip
        self.processes.append(network)
        wait_until(lambda: "<status>online" in self._status(), "the SMSC to be online")
        return network

    def close(self) -> None:
        for process in reversed(self.processes):
            process.stop()

    def _start(self, *command: str, ready: str) -> None:
        self.processes.append(Process(*command))
        wait_until(lambda: ready in self._status(), f"{command[0]} to be ready")

    def _status(self) -> str:
        try:
            return requests.get(f"http://127.0.0.1:{self.admin}/status.xml?password=bar", timeout=2).text
        except requests.RequestException:
            return ""
