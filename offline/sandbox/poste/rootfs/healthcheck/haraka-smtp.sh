#!/bin/bash
# The mail server greets.
exec 3<>/dev/tcp/127.0.0.1/25
read -rt 4 greeting <&3
[[ $greeting == "220 "* ]]
