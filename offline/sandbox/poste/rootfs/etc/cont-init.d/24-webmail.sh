#!/bin/sh
# Make Roundcube's folders, and the key of its sessions, which is another one at each start as with the original.
set -eu

install -d -o mail -g mail -m 0750 /data/roundcube /data/log/roundcube
install -m 0640 -g mail /dev/null /run/webmail.key
openssl rand -base64 18 >/run/webmail.key
