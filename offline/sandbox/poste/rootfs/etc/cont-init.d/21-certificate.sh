#!/bin/sh
# Make the placeholder certificate if there is none, and copy what is in /data/ssl to where the daemons read it.
set -eu

ssl=/data/ssl
if [ ! -e $ssl/server.crt ] || [ ! -e $ssl/server.key ]; then
    openssl req -x509 -newkey rsa:2048 -noenc -days 3650 -subj "/O=Poste.io/CN=$(hostname)" \
        -keyout $ssl/server.key -out $ssl/server.crt 2>/dev/null
    : >$ssl/ca.crt
    chown mail:mail $ssl/*
    chmod 0600 $ssl/server.key
fi

install -m 0644 $ssl/server.crt $ssl/ca.crt /etc/ssl/
install -m 0640 -g Debian-exim $ssl/server.key /etc/ssl/
cat $ssl/server.crt $ssl/ca.crt >/etc/ssl/server-combined.crt
