"""What broke on the real server is mended by one `verify --fix`, and a second one has nothing to do."""

import json

from model.host_firewall import TABLE
from operate.verify.renewal import TIMER
from tests.engine.conftest import DOMAIN
from tests.engine.test_verify import in_poste, verify
from tests.support import clouds
from tests.support.stack import Stack

ONLY = "container,server,ports,tls.renewal,mail.imap"
FAULTS = (
    in_poste(f"rm /opt/haraka-smtp/config/dkim/{DOMAIN}"),
    in_poste("s6-svc -wd -T 120000 -d /run/s6/services/dovecot"),
    f"nft delete table inet {TABLE}",
    f"systemctl disable --now {TIMER}",
)


def test_one_fix_mends_all_that_broke_and_a_second_one_has_nothing_to_do(deployed: Stack) -> None:
    for fault in FAULTS:
        deployed.on_server(fault)
    first = verify(deployed, "--fix", "--json", "--only", ONLY)
    assert json.loads(first.stdout)["mended"] == [
        {"mend": mend, "name": name, "error": ""}
        for mend, name in (("service", "dovecot"), ("signers", DOMAIN), ("firewall", TABLE), ("timer", TIMER))
    ]
    assert first.stderr.count("Mending: ") == len(FAULTS)
    mended: list[dict[str, str]] = []

    def has_nothing_to_do() -> bool:
        second = verify(deployed, "--fix", "--json", "--only", ONLY)
        mended.extend(json.loads(second.stdout)["mended"])
        assert second.returncode == 0, second.stdout
        assert "There is nothing that can be mended without risk." in second.stderr
        return True

    # On a busy machine a check may get no answer in time, which nothing of this mends.
    clouds.eventually(has_nothing_to_do, 90)
    assert mended == []
