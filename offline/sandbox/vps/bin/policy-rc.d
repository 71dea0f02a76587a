#!/bin/sh
# policy-rc.d(8): what a package starts when it is installed is started by systemctl, as on a system with systemd, and
# not (101) by its init script. An action outside of its runlevel comes in parentheses.
/usr/bin/systemctl "$(echo "$2" | tr -d '()')" "$1" >&2
exit 101
