#!/bin/bash
# The IMAP server greets.
exec 3<>/dev/tcp/127.0.0.1/143
read -rt 4 greeting <&3
[[ $greeting == "* OK"* ]]
