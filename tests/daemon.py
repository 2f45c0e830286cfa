"""mtasts serve, as tests of mail servers run it. Within tests/in-world."""

import signal
import subprocess
import time

DEADLINE = 60


class Daemon:
    """One that listens; it logs into FOLDER/mtasts.log, after what is there."""

    def __init__(self, mtasts, folder, *arguments, environment=None):
        self.log = folder / "mtasts.log"
        self.log.touch()
        before = self.log.read_text().count('"listening"')
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                [mtasts, "serve", "--log-level", "debug", "--log-format", "json", *arguments], stderr=log, env=environment)
        for _ in range(DEADLINE * 20):
            if self.log.read_text().count('"listening"') > before:
                return
            time.sleep(0.05)
        raise SystemExit("mtasts serve does not listen")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)
